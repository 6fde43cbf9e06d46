"""Processes that actors fork, as ``multiprocessing.Pool`` does."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from barback.speedups.work_queue import WorkQueue


def part_with_forks(work_queues: Callable[[], Iterable[WorkQueue]]) -> None:
    """Have what actors of this process fork be no worker.

    It would inherit the handlers of Dramatiq's worker process, which only note that this is to end:
    whoever ends it, as a pool does, would wait for it for ever. And where it comes back from its
    actor, it would go on with what its parent has taken.

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
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=begin_fork)


def _end_fork(*_: Any, **__: Any) -> NoReturn:
    os._exit(1)
