"""The broker: the drop-in for ``dramatiq.brokers.redis.RedisBroker``."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import dramatiq
import dramatiq.worker
import redis
from dramatiq.brokers.redis import DEFAULT_DEAD_MESSAGE_TTL, DEFAULT_HEARTBEAT_TIMEOUT
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker
from dramatiq.common import q_name
from dramatiq.middleware import Middleware, Retries

from barback import lua
from barback.bulk import BulkEnqueue
from barback.consumer import QueueConsumer
from barback.dangerous import DangerousMessages
from barback.delay_consumer import DelayConsumer
from barback.delivery import Delivery, FollowUp
from barback.errors import BrokerUnavailable, MessageRejected
from barback.hooks import HookedBroker
from barback.in_flight import InFlight, Settlement
from barback.keys import QueueKeys, WorkerKeys
from barback.link import Link, LinkPool
from barback.payload import DEFAULT_MAX_MESSAGE_BYTES, as_sent, encode, new_id, with_id
from barback.pulse import Pulse, consumer_name
from barback.recovery import Recovery
from barback.server import check_client, check_server, connect
from barback.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dramatiq import Consumer, Worker

#: How long a message waits before it runs again, in milliseconds, when what follows from it (the
#: next message of a pipeline) could not be enqueued.
RUN_AGAIN_DELAY_MS = 1_000


class RedisBroker(HookedBroker, StockRedisBroker):
    """A broker for Redis 7 and Valkey, in place of ``dramatiq.brokers.redis.RedisBroker``.

    Examples:
      >>> RedisBroker(url="redis://127.0.0.1:6379/0")

      >>> RedisBroker(url="rediss://redis.example/0", ssl_ca_certs="ca.pem", socket_timeout=2)

    Parameters:
      url: Where the server is: ``redis://``, ``rediss://`` or ``unix://``.
      middleware: Replaces Dramatiq's default middleware.
      namespace: What every key begins with.
      maintenance_chance: Out of a million calls of :meth:`do_qsize`, how many also do maintenance.
        Workers do it on their own, once a minute; this is for tests.
      heartbeat_timeout: After how many milliseconds of silence a worker counts as dead although
        its connection still exists. One whose connection is gone is recovered in seconds.
      dead_message_ttl: How long dead letters are kept, in milliseconds.
      max_message_bytes: The largest message that is accepted, encoded.
      client: A client to use; `url` and the connection parameters are then not used.
      **parameters: Connection parameters for :class:`redis.Redis`, in addition to the URL.

    Raises:
      ValueError: When `client` decodes its answers.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        middleware: list[Middleware] | None = None,
        namespace: str = "dramatiq",
        maintenance_chance: int = 0,
        heartbeat_timeout: int = DEFAULT_HEARTBEAT_TIMEOUT,
        dead_message_ttl: int = DEFAULT_DEAD_MESSAGE_TTL,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        client: redis.Redis | None = None,
        **parameters: Any,
    ) -> None:
        self._hooked_middleware = []
        self._before, self._after = {}, {}
        super().__init__(  # type: ignore[no-untyped-call]
            middleware=middleware,
            namespace=namespace,
            maintenance_chance=maintenance_chance,
            heartbeat_timeout=heartbeat_timeout,
            dead_message_ttl=dead_message_ttl,
            client=client or connect(url, parameters),
        )
        check_client(self.client)
        self.max_message_bytes = max_message_bytes
        self.links = LinkPool(self.client)
        self.worker_keys = WorkerKeys(namespace)
        self.pulse = Pulse(self)
        self.dangerous_messages = DangerousMessages(self)
        #: Set from the moment that the worker of this process is told to stop.
        self.is_stopping = False
        #: Whether the user has fixed how many messages are taken ahead.
        self.prefetch_is_fixed = bool(dramatiq.worker.QUEUE_PREFETCH)
        self._keys: dict[str, QueueKeys] = {}
        self._in_flight: defaultdict[str, InFlight] = defaultdict(InFlight)
        self._work_queue: WorkQueue | None = None
        self._unstarted: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._unstarted_lock = threading.Lock()
        self._server_is_checked = False

    # -- enqueueing -------------------------------------------------------------------------------

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        """Enqueue a message.

        The retry of a message that is in work is not sent at once: it is sent in the same step
        that finishes the message, so that neither is lost and both never exist together.

        Parameters:
          message: The message.
          delay: How long it is to wait at the least, in milliseconds.

        Returns:
          A copy of the message, as it was enqueued.

        Raises:
          BrokerUnavailable: When Redis cannot take it.
          MessageRejected: When it cannot be encoded or is too large.
        """
        redis_id = new_id()
        fields = with_id(message, redis_id)
        payload = encode(fields, self.max_message_bytes)
        sent = as_sent(fields, delay)
        self.emit_before("enqueue", sent, delay)
        if isinstance(message, Delivery):
            message.follow_ups.append(FollowUp(redis_id, payload, delay))
        else:
            self._store(message.queue_name, redis_id, payload, delay)
        self.emit_after("enqueue", sent, delay)
        return sent

    def enqueue_many(
        self, messages: Iterable[dramatiq.Message[Any]], *, delay: int | None = None
    ) -> int:
        """Enqueue many messages, several times faster than one by one.

        They are sent in chunks, each of which is enqueued whole or not at all. Middleware sees
        each message, as with :meth:`enqueue`.

        Parameters:
          messages: The messages, for any queues. Those of the same queue keep their order.
          delay: How long each is to wait at the least, in milliseconds.

        Returns:
          How many were enqueued: all of them.

        Raises:
          BulkEnqueueFailed: When some were not; it tells how many were.
        """
        self._check_server_once()
        return BulkEnqueue(self, delay).run(messages)

    def enqueue_once(
        self, message: dramatiq.Message[Any], *, token: str, ttl_seconds: int
    ) -> dramatiq.Message[Any] | None:
        """Enqueue a message unless one was enqueued under the same token before.

        Claiming the token and enqueueing are one step: any number of processes may try, and one
        of them succeeds, whenever any of them dies.

        Parameters:
          message: The message.
          token: What the message stands for: an order, a scheduled minute, a row of an outbox.
          ttl_seconds: How long the token is remembered.

        Returns:
          A copy of the message, as it was enqueued, or None when the token had been used.

        Raises:
          BrokerUnavailable: When Redis cannot take it.
          MessageRejected: When it cannot be encoded or is too large.
        """
        redis_id = new_id()
        fields = with_id(message, redis_id)
        payload = encode(fields, self.max_message_bytes)
        sent = as_sent(fields, None)
        keys = self.keys(message.queue_name)
        self.emit_before("enqueue", sent, None)
        is_first = self._tell(
            lua.ENQUEUE_ONCE,
            (keys.queue, keys.messages, self.worker_keys.once(token)),
            (redis_id, payload, ttl_seconds * 1000),
        )
        if not is_first:
            return None
        self.emit_after("enqueue", sent, None)
        return sent

    def queue_length(self, queue_name: str) -> int:
        """How many messages wait in a queue; those in work are not counted."""
        return int(self.client.llen(self.keys(queue_name).queue))

    def position(self, message: dramatiq.Message[Any]) -> int | None:
        """How many messages wait before a message that :meth:`enqueue` returned, or None when it
        waits no more.
        """
        queue = self.keys(message.queue_name).queue
        found = self.client.lpos(queue, message.options["redis_message_id"])
        return None if found is None else int(found)  # type: ignore[arg-type]

    def _store(self, queue_name: str, redis_id: str, payload: bytes, delay: int | None) -> None:
        self._check_server_once()
        keys = self.keys(queue_name)
        if delay is None:
            self._tell(lua.ENQUEUE, (keys.queue, keys.messages), (redis_id, payload))
        else:
            self._tell(
                lua.DELAY,
                (keys.delayed_messages, keys.due, keys.wake),
                (redis_id, payload, max(delay, 0)),
            )

    def _tell(self, script: lua.Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return self.links.run(script, keys, args)
        except redis.RedisError as error:
            raise unavailable(error) from error

    def _check_server_once(self) -> None:
        if not self._server_is_checked:
            link = Link(self.client)
            try:
                check_server(link)
            except redis.RedisError as error:
                raise unavailable(error) from error
            finally:
                link.close()
            self._server_is_checked = True

    # -- the worker of this process ---------------------------------------------------------------

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Create a consumer.

        Parameters:
          queue_name: The queue, or its delay queue.
          prefetch: How many messages to hold at a time.
          timeout: How long an iteration may take before it yields None, in milliseconds.
        """
        if queue_name != q_name(queue_name):
            return DelayConsumer(self, queue_name, timeout)
        return QueueConsumer(self, queue_name, prefetch, timeout)

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        if signal == "process_message":
            if args[0].losses:
                self.dangerous_messages.enter(args[0])
        elif signal == "worker_boot":
            self._begin_work(args[0])
        elif signal == "worker_shutdown":
            self._end_work()
        super().emit_before(signal, *args, **kwargs)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        super().emit_after(signal, *args, **kwargs)
        if signal == "consumer_thread_boot":
            # Dramatiq looks for due messages in there after each message. There never are any,
            # and this queue says so ten times faster.
            args[0].delay_queue = WorkQueue()
        elif signal == "worker_shutdown":
            self.pulse.stop()

    def after_hook_failed(
        self, signal: str, middleware: Middleware, error: Exception, *args: Any
    ) -> None:
        """Keep a message alive when what follows from it could not be sent.

        Dramatiq would acknowledge it: its retry, or the next step of its pipeline, would be lost.
        """
        if signal != "process_message":
            return
        delivery: Delivery = args[0]
        if isinstance(error, BrokerUnavailable):
            redis_id = new_id()
            payload = encode(with_id(delivery, redis_id), self.max_message_bytes)
            delivery.follow_ups = [FollowUp(redis_id, payload, RUN_AGAIN_DELAY_MS)]
        elif isinstance(error, MessageRejected) or isinstance(middleware, Retries):
            delivery.stuff_exception(error)
            delivery.fail()

    def _begin_work(self, worker: Worker) -> None:
        self.is_stopping = False
        self._work_queue = WorkQueue()
        worker.work_queue = self._work_queue  # type: ignore[assignment]
        self.pulse.start(worker.worker_threads)
        link = Link(self.client)
        try:
            check_server(link)
        except redis.RedisError as error:
            self.logger.warning("Redis cannot be reached yet: %s", error)
        finally:
            link.close()

    def _end_work(self) -> None:
        self.is_stopping = True
        for in_flight in self._in_flight.values():
            in_flight.wake()

    def check_server(self, link: Link) -> None:
        """See :func:`barback.server.check_server`."""
        check_server(link)

    # -- what consumers share ---------------------------------------------------------------------

    def keys(self, queue_name: str) -> QueueKeys:
        keys = self._keys.get(queue_name)
        if keys is None:
            keys = self._keys[queue_name] = QueueKeys(self.namespace, q_name(queue_name))
        return keys

    def in_flight(self, queue_name: str) -> InFlight:
        return self._in_flight[queue_name]

    def settle(self, queue_name: str, settlement: Settlement) -> None:
        """Finish a message in any way but the plain acknowledgement."""
        keys = self.keys(queue_name)
        self.links.run(
            lua.SETTLE,
            (
                keys.queue,
                keys.messages,
                keys.acks(self.broker_id),
                keys.losses,
                keys.delayed_messages,
                keys.due,
                keys.wake,
                keys.dead,
                keys.dead_messages,
                keys.dead_details,
            ),
            settlement.args,
        )

    def give_back(self, queue_name: str, redis_ids: Sequence[str]) -> None:
        """Put held messages back at the head of their queue, in their order."""
        keys = self.keys(queue_name)
        self.links.run(
            lua.GIVE_BACK, (keys.queue, keys.messages, keys.acks(self.broker_id)), redis_ids
        )

    def take_unstarted(self, queue_name: str) -> list[Delivery]:
        """Take the messages of a queue that no thread of the stopping worker has started."""
        with self._unstarted_lock:
            if self._work_queue is not None:
                for item in self._work_queue.drain():
                    self._unstarted[item.message.queue_name].append(item.message)
            return self._unstarted.pop(queue_name, [])

    def retire(self, queue_name: str) -> None:
        """Give back whatever this process holds of a queue, and consume it no more."""
        self.pulse.forget_consumer(queue_name)
        keys = self.keys(queue_name)
        self.links.run(
            lua.RETIRE,
            (
                keys.queue,
                keys.messages,
                keys.acks(self.broker_id),
                keys.inbox(self.broker_id),
                self.worker_keys.signs,
            ),
            (
                consumer_name(self.broker_id, queue_name),
                queue_name,
                *self.in_flight(queue_name).known_ids(),
            ),
        )

    def has_other_workers(self, queue_name: str) -> bool:
        """Whether another process consumes a queue."""
        consumers: Any = self.client.zrange(self.worker_keys.signs, 0, -1)
        mine = consumer_name(self.broker_id, queue_name).encode()
        suffix = b":" + queue_name.encode()
        return any(name.endswith(suffix) for name in consumers if name != mine)

    def read_payloads(self, messages_key: str, redis_ids: list[Any]) -> list[bytes | None]:
        payloads: Any = self.client.hmget(messages_key, redis_ids)
        return list(payloads)

    def close(self) -> None:
        """Close the connections of this broker."""
        self.pulse.stop()
        self.links.close()
        self.client.close()

    # -- the commands of the stock broker, which its tests and other programs use -----------------

    def do_enqueue(self, queue_name: str, redis_id: str, payload: bytes) -> None:
        self._store(queue_name, redis_id, payload, None)

    def do_fetch(self, queue_name: str, count: int) -> list[bytes | None]:
        keys, worker_id = self.keys(queue_name), self.broker_id
        self.links.run(
            lua.BEAT,
            (self.worker_keys.signs,),
            (self.heartbeat_timeout, consumer_name(worker_id, queue_name)),
        )
        _, payloads, _ = self.links.run(
            lua.EXCHANGE,
            (
                keys.queue,
                keys.messages,
                keys.acks(worker_id),
                keys.inbox(worker_id),
                keys.losses,
            ),
            (count,),
        )
        return list(payloads)

    def do_ack(self, queue_name: str, redis_id: str) -> None:
        keys, worker_id = self.keys(queue_name), self.broker_id
        self.links.run(
            lua.EXCHANGE,
            (
                keys.queue,
                keys.messages,
                keys.acks(worker_id),
                keys.inbox(worker_id),
                keys.losses,
            ),
            (0, redis_id),
        )

    def do_nack(self, queue_name: str, redis_id: str) -> None:
        plain = Settlement(redis_id, (redis_id, "dead", "{}"))
        self.settle(queue_name, self.in_flight(queue_name).endings.pop(redis_id, plain))

    def do_requeue(self, queue_name: str, *redis_ids: str) -> None:
        self.give_back(queue_name, redis_ids)

    def do_purge(self, queue_name: str) -> None:
        keys = self.keys(queue_name)
        delayed = (keys.stock_delayed, keys.delayed_messages, keys.due, keys.wake)
        if queue_name != q_name(queue_name):
            self.client.delete(*delayed)
            return
        self.client.delete(
            *(keys.queue, keys.messages, keys.acks(self.broker_id), keys.inbox(self.broker_id)),
            *(keys.losses, keys.dead, keys.dead_messages, keys.dead_details),
        )

    def do_qsize(self, queue_name: str) -> int:
        """How much of a queue is left to do: waiting, in work or delayed.

        As with the stock broker, what is in work here or delayed counts twice. It is zero when
        and only when there is nothing left.
        """
        keys = self.keys(queue_name)
        if self._should_do_maintenance("qsize"):
            recovery = Recovery(self)
            recovery.recover_silent(keys.queue_name)
            recovery.purge_dead_letters(keys.queue_name)
        with self.client.pipeline(transaction=True) as pipeline:
            pipeline.hlen(keys.messages)
            pipeline.scard(keys.acks(self.broker_id))
            pipeline.hlen(keys.delayed_messages)
            pipeline.zcard(keys.due)
            return sum(pipeline.execute())


def unavailable(error: redis.RedisError) -> BrokerUnavailable:
    """The error for a program whose message Redis did not take."""
    return BrokerUnavailable(f"Redis did not take the message: {error or type(error).__name__}")
