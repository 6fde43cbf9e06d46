"""When a thread may be interrupted."""

from __future__ import annotations

import logging
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from dramatiq.middleware import Shutdown, ShutdownNotifications
from dramatiq.middleware.threading import raise_thread_exception

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dramatiq.middleware import Middleware
    from dramatiq.middleware.threading import Interrupt

_LOGGING_SOURCE = logging.Logger.handle.__code__.co_filename

#: For how long a worker that is told to stop waits for threads that write to the log, in seconds.
LOG_SECONDS = 1.0


def interrupt_thread(thread_id: int, interrupt: type[Interrupt]) -> bool:
    """Raise an interrupt in a thread, unless it writes to the log just now.

    It might be raised between the line of :mod:`logging` that takes a lock and the ``try`` that
    gives it back. All other threads that log anything would then wait for ever, and a worker would
    not even end when it is told to.

    Returns:
      Whether it is raised; else it has to be tried again later.
    """
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - there is no other way
    while frame is not None:
        if frame.f_code.co_filename == _LOGGING_SOURCE:
            return False
        frame = frame.f_back
    raise_thread_exception(thread_id, interrupt)
    return True


def notify_all_at_shutdown(all_middleware: Iterable[Middleware]) -> None:
    """Have every actor interrupted that wants to know of the end of its worker.

    Dramatiq goes through the set of their threads while those that end take themselves out of it,
    which is an error as a rule: the others would hear of nothing, and the worker wait for them.

    Parameters:
      all_middleware: The middleware of a broker whose worker has not started yet.
    """
    for middleware in all_middleware:
        manager: Any = getattr(middleware, "manager", None)
        # With gevent there is another manager.
        if isinstance(middleware, ShutdownNotifications) and hasattr(manager, "notifications"):
            manager.shutdown = partial(_notify, manager)


def _notify(manager: Any) -> None:
    threads, give_up_at = list(manager.notifications), time.monotonic() + LOG_SECONDS
    if threads:
        manager.logger.info("The worker stops: interrupting %d of its actors.", len(threads))
    while threads and time.monotonic() < give_up_at:
        threads = [it for it in threads if it in manager.notifications]
        threads = [it for it in threads if not interrupt_thread(it, Shutdown)]
        time.sleep(0.001)
