"""Takes a lock out of Dramatiq's time limits.

``dramatiq.middleware.TimeLimit`` notes each message's deadline in a dictionary, twice a message,
under a lock that all worker threads of the process share. With work of some microseconds, one
thread is sooner or later switched out while it holds that lock; the others then queue up behind
it, and because of the interpreter's own lock they keep doing so: from there on each message costs
two context switches. A worker on two cores was seen to fall from 38,000 to 14,000 messages a
second, and to stay there.

The lock keeps the thread that looks for exceeded limits from meeting a dictionary that grows while
it is read. A copy, made in one step, does that as well. And it keeps a message from ending between
the look and its note; here that thread does nothing in between that would let others run, such as
writing to the log, and Dramatiq raises the interrupt without the lock anyway.
"""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from dramatiq.middleware import TimeLimit, TimeLimitExceeded

from barback.interrupts import interrupt_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dramatiq.middleware import Middleware


class Deadlines(dict[int, float | None]):
    """A dictionary that can be read while other threads write to it."""

    def items(self) -> Any:
        return list(super().items())


def unlock_time_limits(all_middleware: Iterable[Middleware]) -> None:
    """Replace the lock and the dictionary of Dramatiq's own time limits, where they are in use.

    Parameters:
      all_middleware: The middleware of a broker whose worker has not started yet.
    """
    for middleware in all_middleware:
        manager: Any = getattr(middleware, "manager", None)
        # With gevent there is another manager, without a lock.
        if isinstance(middleware, TimeLimit) and hasattr(manager, "mu"):
            manager.deadlines = Deadlines(manager.deadlines)
            manager.mu = contextlib.nullcontext()
            manager._handle_deadlines = partial(_interrupt_exceeded, manager)  # noqa: SLF001


def _interrupt_exceeded(manager: Any) -> None:
    """Interrupt the threads whose time is up; called once a second."""
    now = time.monotonic()
    for thread_id, deadline in manager.deadlines.items():
        if deadline is None or now < deadline:
            continue
        # The thread may have ended that message by now, and have begun another one.
        is_current = manager.deadlines[thread_id] is deadline
        if is_current and interrupt_thread(thread_id, TimeLimitExceeded):
            manager.deadlines[thread_id] = None
            manager.logger.warning("Time limit exceeded: interrupted thread %r.", thread_id)
