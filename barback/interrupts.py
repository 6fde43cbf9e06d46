"""When a thread may be interrupted."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from dramatiq.middleware.threading import raise_thread_exception

if TYPE_CHECKING:
    from dramatiq.middleware.threading import Interrupt

_LOGGING_SOURCE = logging.Logger.handle.__code__.co_filename


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
