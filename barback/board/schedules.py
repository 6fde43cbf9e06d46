"""Schedules that a program keeps itself, for the board to show beside those of periodic actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True)
class Schedule:
    """A schedule.

    Parameters:
      id: What it is known by.
      name: What people call it.
      when: When it runs, in words or as a cron expression.
      last: When it ran last, an aware time, or None.
      next: When it runs next, likewise; None: never again, or nobody can tell.
      is_missed: Whether it should have run by now and did not; None where nobody can tell.
      note: What else somebody should know of it, such as ``paused``.
      run_now: Runs it now, beside its times, and returns what was sent, for the audit log, or None
        where nothing was. None where that cannot be.
    """

    id: str
    name: str
    when: str
    last: dt.datetime | None = None
    next: dt.datetime | None = None
    is_missed: bool | None = None
    note: str = ""
    run_now: Callable[[], str | None] | None = None


#: Tells the schedules, as many as it is asked for at the most. Called on any thread, in the
#: language of whoever looks.
Schedules = Callable[[int], Iterable[Schedule]]


def no_schedules(at_most: int) -> Iterable[Schedule]:  # noqa: ARG001 - the signature of Schedules
    """For a program that keeps none."""
    return ()
