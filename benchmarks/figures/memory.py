"""How much memory worker processes hold."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from benchmarks.bench import Workers

SAMPLE_SECONDS = 0.5
_MEGABYTE = 1_000_000


def memory_megabytes(workers: Workers) -> float:
    """The memory of all the workers' processes; what they share counts once (PSS).

    Where the system does not tell the PSS, as on macOS, it is the sum of their resident sets.
    """
    return sum(_bytes_of(process) for process in workers.processes()) / _MEGABYTE


def _bytes_of(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    return 0


class PeakMemory:
    """Watches the memory of workers; at its end, ``megabytes`` is the most that was seen."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.megabytes = 0.0

    def _watch(self) -> None:
        while not self._is_over.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        self.megabytes = max(self.megabytes, memory_megabytes(self._workers))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._sample()
