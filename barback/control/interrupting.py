"""How a thread is interrupted, under ``dramatiq`` and ``dramatiq-gevent``."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from dramatiq.middleware.threading import is_gevent_active

from barback.interrupts import interrupt_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq.middleware.threading import Interrupt

#: Asked once: where gevent is not installed, each question looks for it in all folders of modules.
_is_gevent_active = cache(is_gevent_active)


def interrupt_of_this_thread() -> Callable[[type[Interrupt]], bool]:
    """What raises an interrupt in the thread that calls this, or tells that it did not, and is to
    be called again; with gevent, in its greenlet, which the interpreter knows no thread of.
    """
    if not _is_gevent_active():
        return partial(interrupt_thread, threading.get_ident())
    import gevent  # type: ignore[import-untyped]  # noqa: PLC0415 - it is there, as it is active

    greenlet: Any = gevent.getcurrent()

    def interrupt(kind: type[Interrupt]) -> bool:
        greenlet.kill(kind, block=False)
        return True

    return interrupt
