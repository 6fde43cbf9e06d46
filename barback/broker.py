"""The broker: the drop-in for ``dramatiq.brokers.redis.RedisBroker``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import redis
from dramatiq.brokers.redis import DEFAULT_DEAD_MESSAGE_TTL, DEFAULT_HEARTBEAT_TIMEOUT
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker
from dramatiq.common import q_name
from dramatiq.middleware import Middleware, Retries

from barback import lua
from barback.bulk import BulkEnqueue
from barback.consumer import QueueConsumer
from barback.delay_consumer import DelayConsumer
from barback.delivery import Delivery, FollowUp
from barback.errors import BrokerUnavailable, MessageRejected
from barback.hooks import HookedBroker, HookTable
from barback.keys import QueueKeys, WorkerKeys
from barback.link import Link, LinkPool
from barback.local_worker import LocalWorker
from barback.payload import DEFAULT_MAX_MESSAGE_BYTES, as_sent, as_stored, encode, new_id, with_id
from barback.server import check_client, check_server, connect
from barback.stock_commands import StockCommands

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import dramatiq.worker
    from dramatiq import Consumer

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
        self._hooks = HookTable([])
        self._own_before, self._own_after = {}, {}
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
        self.local_worker = LocalWorker(self)
        self.stock_commands = StockCommands(self)
        self._own_before = {
            "process_message": self.local_worker.begin_message,
            "worker_boot": self.local_worker.begin,
            "worker_shutdown": self.local_worker.begin_end,
        }
        self._own_after = {
            "consumer_thread_boot": self.local_worker.begin_consumer_thread,
            "worker_shutdown": self.local_worker.end,
        }
        self._keys: dict[str, QueueKeys] = {}
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
        sent = as_sent(fields, delay)
        self.emit_before("enqueue", sent, delay)
        payload = encode(as_stored(fields, sent), self.max_message_bytes)
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

        They are sent in chunks. What a chunk holds for one queue is enqueued whole or not at all;
        for several queues, some may succeed where another fails. Middleware sees each message, as
        with :meth:`enqueue`.

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
        sent = as_sent(fields, None)
        keys = self.keys(message.queue_name)
        self.emit_before("enqueue", sent, None)
        payload = encode(fields, self.max_message_bytes)
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
        self._check_server_once()
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
            delivery.failed = False  # it runs again, so it is no dead letter yet
        elif isinstance(error, MessageRejected) or isinstance(middleware, Retries):
            delivery.stuff_exception(error)
            delivery.fail()

    # -- what consumers share ---------------------------------------------------------------------

    def keys(self, queue_name: str) -> QueueKeys:
        keys = self._keys.get(queue_name)
        if keys is None:
            keys = self._keys[queue_name] = QueueKeys(self.namespace, q_name(queue_name))
        return keys

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return getattr(self.stock_commands, name)
        raise AttributeError(f"attribute {name} does not exist")

    def read_payloads(self, messages_key: str, redis_ids: list[Any]) -> list[bytes | None]:
        payloads: Any = self.client.hmget(messages_key, redis_ids)
        return list(payloads)

    def close(self) -> None:
        """Close the connections of this broker."""
        self.local_worker.pulse.stop()
        self.links.close()
        self.client.close()


def unavailable(error: redis.RedisError) -> BrokerUnavailable:
    """The error for a program whose message Redis did not take."""
    return BrokerUnavailable(f"Redis did not take the message: {error or type(error).__name__}")
