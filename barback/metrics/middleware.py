"""The middleware that counts, and writes what it has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from barback.metrics.recorder import Recorder
from barback.metrics.writer import HistoryWriter

if TYPE_CHECKING:
    import dramatiq
    from dramatiq import Worker

    from barback.store.store import Store


@runtime_checkable
class _StoredBroker(Protocol):
    """A broker of ours. With any other, nothing is counted."""

    store: Store
    version: str | None


class Metrics(Recorder):
    """Counts in the worker's memory how messages ended and how long they ran and waited, and
    writes that to Redis every few seconds: see :class:`barback.metrics.History`.

    Add it last, so that a run time ends with the actor::

        broker.add_middleware(Metrics())
    """

    def __init__(self) -> None:
        super().__init__()
        self._writer: HistoryWriter | None = None
        #: How many workers of this process are at work: one, except in tests.
        self._workers = 0

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Worker) -> None:  # noqa: ARG002
        self._workers += 1
        if self._writer is None and isinstance(broker, _StoredBroker):
            # Before its threads start: the first message is counted, too.
            self.begin(broker.actors)
            self._writer = HistoryWriter(broker.store, self, version=broker.version)
        if self._writer is not None and self._workers == 1:
            self._writer.start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Worker) -> None:  # noqa: ARG002
        self._workers -= 1
        if self._writer is not None and not self._workers:
            self._writer.stop()
