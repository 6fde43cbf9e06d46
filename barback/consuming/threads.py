"""Threads of a worker that have died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.common import q_name
from dramatiq.logging import get_logger

if TYPE_CHECKING:
    import threading

    from dramatiq import Worker


class WorkerThreads:
    """Notices when a thread of a running worker has died, and starts another in its place.

    Nothing that a message or an actor does should end one. Where something did, the message that it
    ran may count as running until the process ends: so the worker says so, and counts as unhealthy
    from then on.

    Parameters:
      worker: The worker.
      version: What of its program is deployed, or None.
    """

    def __init__(self, worker: Worker, version: str | None = None) -> None:
        self.logger = get_logger(__name__, type(self))
        self._worker = worker
        self._version = version
        #: How many messages it works on at a time.
        self.count = worker.worker_threads
        #: How many have died so far.
        self.lost = 0

    def describe(self) -> dict[str, Any]:
        """What others may want to know."""
        return {"threads": self.count, "lost_threads": self.lost, "version": self._version}

    def replace_dead(self) -> None:
        """Start a thread for each that has died."""
        worker = self._worker
        for thread in [thread for thread in worker.workers if _has_died(thread)]:
            worker.workers.remove(thread)
            worker._add_worker()  # noqa: SLF001 - Dramatiq's version is pinned
            self._note("A worker thread")
        for name, consumer in list(worker.consumers.items()):
            if _has_died(consumer):
                del worker.consumers[name]
                worker._add_consumer(name, delay=name != q_name(name))  # noqa: SLF001
                self._note(f"The consumer of queue {name!r}")

    def wake_paused(self) -> None:
        """Wake a thread that is to pause, and still waits for a message."""
        work_queue: Any = self._worker.work_queue
        if any(it.paused and not it.paused_event.is_set() for it in self._worker.workers):
            work_queue.wake_one()

    def _note(self, who: str) -> None:
        self.lost += 1
        self.logger.critical(
            "%s has died and was replaced. What it worked on may count as running until this "
            "process ends: restart it.",
            who,
        )


def _has_died(thread: threading.Thread) -> bool:
    return thread.ident is not None and not thread.is_alive()
