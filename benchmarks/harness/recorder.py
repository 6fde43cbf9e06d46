"""What a task calls, within the worker of whichever system is measured.

Recording must cost the measured process next to nothing: the task appends three numbers to a list,
and a thread writes the list to a file of this process 20 times a second. No other system is
involved, so that the server's counters show the measured system alone. This module imports nothing
but the standard library.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from itertools import chain
from pathlib import Path

FLUSH_SECONDS = 0.05


class Recorder:
    """Keeps which message was started when.

    Parameters:
      directory: Where the files of all worker processes go.
      at_once: Write each record before :meth:`record` returns, for workers that get killed.
    """

    def __init__(self, directory: Path, *, at_once: bool = False) -> None:
        self._directory = directory
        self._at_once = at_once
        self._pending: list[tuple[int, int, int]] = []
        self._lock = threading.Lock()
        self._file: int | None = None

    def record(self, message_id: int, sent_ns: int, started_ns: int) -> None:
        self._pending.append((message_id, sent_ns, started_ns))
        if self._at_once:
            self._flush()
        elif self._file is None:
            self._start()

    def restart_after_fork(self) -> None:
        """Let a child have a thread and a file of its own."""
        self._pending, self._file, self._lock = [], None, threading.Lock()

    def _start(self) -> None:
        with self._lock:
            if self._file is None:
                self._open()
                threading.Thread(target=self._flush_for_ever, daemon=True).start()

    def _open(self) -> int:
        path = self._directory / f"{os.getpid()}.records"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return self._file

    def _flush_for_ever(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            if self._pending:
                self._flush()

    def _flush(self) -> None:
        with self._lock:
            batch = self._pending[:]
            del self._pending[: len(batch)]
            os.write(self._file or self._open(), array("q", chain.from_iterable(batch)).tobytes())


_recorder = Recorder(
    Path(os.environ.get("BENCHMARK_RECORDS", ".")),
    at_once=os.environ.get("BENCHMARK_RECORD_AT_ONCE") == "1",
)
os.register_at_fork(after_in_child=_recorder.restart_after_fork)

#: How long a task takes, in seconds, where the benchmark wants it to take any time.
TASK_SECONDS = float(os.environ.get("BENCHMARK_TASK_SECONDS", "0"))


def run_task(message_id: int, sent_ns: int, seconds: float = TASK_SECONDS) -> None:
    """The work of every task: none, or a sleep."""
    started_ns = time.monotonic_ns()
    if seconds:
        time.sleep(seconds)
    _recorder.record(message_id, sent_ns, started_ns)
