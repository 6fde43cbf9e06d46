"""The middleware that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from dramatiq.middleware import Middleware

from barback.metrics.recorder import new_recorder
from barback.metrics.writer import HistoryWriter

if TYPE_CHECKING:
    import dramatiq
    from dramatiq import MessageProxy, Worker

    from barback.store.store import Store


@runtime_checkable
class _StoredBroker(Protocol):
    """A broker of ours. With any other, nothing is written."""

    store: Store
    broker_id: str


class Metrics(Middleware):
    """Counts in the worker's memory how messages ended and how long they ran and waited, and
    writes that to Redis every few seconds: see :class:`barback.metrics.History`.

    Add it last, so that a run time is that of the actor alone::

        broker.add_middleware(Metrics())
    """

    def __init__(self) -> None:
        self.recorder = new_recorder(self._knows_actor)
        self._actors: dict[str, Any] = {}
        self._writer: HistoryWriter | None = None
        #: How many workers of this process are at work: one, except in tests.
        self._workers = 0

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:  # noqa: ARG002
        # Before its threads start: the first message is counted, too.
        self._actors = broker.actors
        self._workers += 1
        if self._writer is None and isinstance(broker, _StoredBroker):
            self._writer = HistoryWriter(broker.store, broker.broker_id, self.recorder)
        if self._writer is not None and self._workers == 1:
            self._writer.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:  # noqa: ARG002
        self._workers -= 1
        if self._writer is not None and not self._workers:
            self._writer.stop()

    def before_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002
        message: MessageProxy,
    ) -> None:
        self.recorder.start(message)

    def after_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002
        message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        self.recorder.finish(message, has_failed=exception is not None)

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:  # noqa: ARG002
        self.recorder.skip(message)

    def after_nack(self, broker: dramatiq.Broker, message: MessageProxy) -> None:  # noqa: ARG002
        self.recorder.bury(message)

    def _knows_actor(self, actor_name: str) -> bool:
        return actor_name in self._actors
