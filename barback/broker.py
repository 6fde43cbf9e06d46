"""The broker: the drop-in for ``dramatiq.brokers.redis.RedisBroker``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.brokers.redis import DEFAULT_DEAD_MESSAGE_TTL, DEFAULT_HEARTBEAT_TIMEOUT
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker

from barback.compat.extension_points import refuse_dead_overrides
from barback.compat.stock_broker import StockCommands
from barback.connection.confirmation import Confirmation
from barback.connection.url import client_for
from barback.consuming.workers import Workers
from barback.control.declaring import prepare_actor
from barback.durations import check_duration
from barback.exits import without_traceback
from barback.recovery.recovery import Recovery
from barback.sending.bulk import BulkEnqueue
from barback.sending.preparing import DEFAULT_MAX_MESSAGE_BYTES
from barback.sending.sender import Sender
from barback.speedups.hooks import HookedBroker, HookTable
from barback.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dramatiq
    import redis
    from dramatiq import Consumer, Worker
    from dramatiq.middleware import Middleware


class RedisBroker(HookedBroker, StockRedisBroker):
    """A broker for Redis 7 and Valkey, in place of ``dramatiq.brokers.redis.RedisBroker``.

    Example:
      >>> RedisBroker(url="rediss://redis.example/0", ssl_ca_certs="ca.pem", socket_timeout=2)

    Parameters:
      url: Where the server is: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://`` or
        ``redis+cluster://``.
      middleware: Replaces Dramatiq's default middleware.
      namespace: What every key begins with.
      maintenance_chance: Out of a million calls of :meth:`do_qsize`, how many also do maintenance.
        Workers do it on their own, once a minute; this is for tests.
      heartbeat_timeout: After how many milliseconds of silence a worker counts as dead although
        its connection still exists. One whose connection is gone is recovered in seconds.
      dead_message_ttl: How long dead letters are kept, in milliseconds.
      max_message_bytes: The largest message that is accepted, encoded.
      confirm: What has to have happened before a send returns: ``"disk"``, the message is in the
        append-only file and synced; ``"replicas:N"``, N replicas have it; None, nothing more.
      version: What of the program is deployed, such as a commit, for those who look at its workers
        and at where a new one came into use.
      client: A client to use; `url` and the connection parameters are then not used.
      **parameters: Connection parameters for :class:`redis.Redis`, in addition to the URL.

    Raises:
      ValueError: When one of these cannot be used, or `client` decodes its answers.
      TypeError: When redis-py knows no such parameter; or when a subclass overrides what stock
        Dramatiq calls, and this broker does not.
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
        confirm: str | None = None,
        version: str | None = None,
        client: redis.Redis | None = None,
        **parameters: Any,
    ) -> None:
        refuse_dead_overrides(type(self), RedisBroker)
        confirmation = Confirmation.parse(confirm)
        check_duration("heartbeat_timeout", heartbeat_timeout, may_be_0=True)
        check_duration("dead_message_ttl", dead_message_ttl, may_be_0=True)
        with without_traceback():
            client = client or client_for(url, parameters)
        self._hooks = HookTable([])
        self._own_before, self._own_after = {}, {}
        self.store = Store(client, namespace)
        super().__init__(  # type: ignore[no-untyped-call]
            middleware=middleware,
            namespace=namespace,
            maintenance_chance=maintenance_chance,
            heartbeat_timeout=heartbeat_timeout,
            dead_message_ttl=dead_message_ttl,
            client=client,
        )
        self.sender = Sender(
            self.store, self, max_message_bytes=max_message_bytes, confirmation=confirmation
        )
        self._recovery = Recovery(
            self.store,
            # Programs change these, as with the stock broker.
            heartbeat_timeout_ms=lambda: self.heartbeat_timeout,
            dead_message_ttl_ms=lambda: self.dead_message_ttl,
        )
        self.version = version
        self._workers = Workers(
            self.store, self.broker_id, self._recovery, confirmation=confirmation, version=version
        )
        self._stock_commands = StockCommands(
            self.store,
            lambda: self.broker_id,
            maintain=self._recovery.maintain_as_stock,
            maintenance_chance=lambda: self.maintenance_chance,
        )
        self._own_before = {
            "declare_actor": prepare_actor,
            "process_message": self._workers.begin_message,
            "worker_boot": self._begin_worker,
            "worker_shutdown": self._workers.begin_end,
        }
        self._own_after = {
            "process_boot": self._workers.begin_process,
            "consumer_thread_boot": self._workers.begin_consumer_thread,
            "worker_thread_boot": self._workers.begin_worker_thread,
            "worker_shutdown": self._workers.end,
        }
        self._is_stopping = self._workers.are_stopping

    @property
    def client(self) -> redis.Redis:
        """The client for the program's own commands; set another, and everything goes there."""
        return self.store.given_client

    @client.setter
    def client(self, client: redis.Redis) -> None:
        if client is not self.store.given_client:
            self.store.use(client)

    def enqueue(
        self,
        message: dramatiq.Message[Any],
        *,
        delay: int | None = None,
        confirm: str | None = None,
    ) -> dramatiq.Message[Any]:
        """Enqueue a message. The retry of a message that is in work is sent in the step that
        finishes the message, so that neither is lost and both never exist together.

        Parameters:
          message: The message.
          delay: How long it is to wait at the least, in milliseconds.
          confirm: As for the broker, for this message alone.

        Returns:
          A copy of the message, as it was enqueued.

        Raises:
          BrokerUnavailable: When Redis cannot take it.
          NotConfirmed: When Redis took it, but did not confirm in time.
          MessageRejected: When it cannot be encoded or is too large.
        """
        return self.sender.enqueue(
            message, delay_ms=delay, confirmation=Confirmation.parse(confirm)
        )

    def enqueue_many(
        self,
        messages: Iterable[dramatiq.Message[Any]],
        *,
        delay: int | None = None,
        confirm: str | None = None,
    ) -> int:
        """Enqueue many messages, several times faster than one by one.

        They are sent in chunks; what a chunk holds for one queue is enqueued whole or not at all.
        Middleware sees each message, as with :meth:`enqueue`.

        Parameters:
          messages: The messages, for any queues. Those of the same queue keep their order.
          delay: How long each is to wait at the least, in milliseconds.
          confirm: As for the broker, for these messages; asked for once a chunk.

        Returns:
          How many were enqueued: all of them.

        Raises:
          BulkEnqueueFailed: When some were not; it tells how many were.
        """
        confirmation = Confirmation.parse(confirm) or self.sender.confirmation
        return BulkEnqueue(self.sender, delay, confirmation).run(messages)

    def enqueue_once(
        self,
        message: dramatiq.Message[Any],
        *,
        token: str,
        ttl_seconds: float,
        confirm: str | None = None,
    ) -> dramatiq.Message[Any] | None:
        """Enqueue a message unless one was enqueued on its queue under the same token before. Any
        number of processes may try: claiming the token and enqueueing are one step.

        Parameters:
          message, confirm: As for :meth:`enqueue`, which raises the same.
          token: What the message stands for: an order, a scheduled minute, a row of an outbox.
          ttl_seconds: How long the token is remembered: a millisecond or more.

        Returns:
          A copy of the message, as it was enqueued, or None when the token had been used.
        """
        return self.sender.enqueue_once(
            message, token=token, ttl_seconds=ttl_seconds, confirmation=Confirmation.parse(confirm)
        )

    def queue_length(self, queue_name: str) -> int:
        """How many messages wait, for a worker or for room under a limit; none that is in work."""
        return self.store.calls(queue_name).length()

    def position(self, message: dramatiq.Message[Any]) -> int | None:
        """How many messages wait before one that was enqueued; None: it waits no more."""
        return self.store.calls(message.queue_name).position(message.options["redis_message_id"])

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Create a consumer of a queue, or of its delay queue. It holds `prefetch` messages at a
        time, and an iteration yields None after `timeout` milliseconds without one.
        """
        return self._workers.consume(queue_name, prefetch, timeout)

    def after_hook_failed(
        self, signal: str, middleware: Middleware, error: Exception, *args: Any
    ) -> None:
        """Keep a message alive when what follows from it could not be sent."""
        if signal == "process_message":
            self.sender.keep_alive(args[0], middleware, error)

    def close(self) -> None:
        """Close the connections of this broker."""
        self._workers.close()
        self.store.close()
        self.client.close()

    def _begin_worker(self, worker: Worker) -> None:
        self._workers.begin(
            worker, self.get_declared_queues(), self.middleware, self.actors.values()
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return getattr(self._stock_commands, name)
        raise AttributeError(f"attribute {name} does not exist")
