"""Processes that actors fork, as ``multiprocessing.Pool`` does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from dramatiq.worker import WorkerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from barback.speedups.work_queue import WorkQueue


def part_with_forks(work_queues: Callable[[], Iterable[WorkQueue]]) -> None:
    """Have what actors of this process fork be no worker.

    It would inherit the handlers of Dramatiq's worker process, which only note that this is to end:
    whoever ends it, as a pool does, would wait for it for ever. And where it comes back from its
    actor, be it by ``sys.exit``, it would finish its parent's message, or have it tried again, and
    go on with what its parent has taken.

    Parameters:
      work_queues: Tells from which queues the threads of this process take their work.
    """
    if not hasattr(os, "register_at_fork"):  # on Windows
        return
    signals = {signal.SIGTERM, signal.SIGHUP}
    handler = signal.getsignal(signal.SIGTERM)
    masks = threading.local()

    def block() -> None:  # what ends the fork at its very beginning must not meet that handler
        masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.before)

    def begin_fork() -> None:
        for number in signals:
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.SIG_DFL)
        for work_queue in work_queues():
            work_queue.get = _end_fork  # type: ignore[method-assign]
        thread = threading.current_thread()
        if isinstance(thread, WorkerThread):
            thread.broker = thread.logger = _EndOfFork()  # type: ignore[assignment]
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=begin_fork)


class _EndOfFork:
    """Whatever a worker thread turns to when its actor has come back."""

    def __getattr__(self, _: str) -> NoReturn:
        _end_fork()


def _end_fork(*_: Any, **__: Any) -> NoReturn:
    """End a fork as Python would: with its exit code, and the traceback of any other error."""
    error = sys.exc_info()[1]
    code = error.code if isinstance(error, SystemExit) else error
    if isinstance(code, BaseException):
        traceback.print_exc()
    os._exit(code if isinstance(code, int) else int(code is not None))
