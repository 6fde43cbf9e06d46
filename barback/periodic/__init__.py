"""Ticks that happen once: what ``periodiq`` sends, sent by any number of ``periodiq`` processes.

``broker.add_middleware(Periodic())`` before the actors, ``take_over_periodiq()`` once, and::

    @dramatiq.actor(
        periodic=cron("0 4 * * *", timezone="Europe/Lisbon"),
        catch_up="once",  # or "skip" or "all": what to do about ticks that nobody sent
        grace_seconds=6 * 3600,  # how late this actor may run and still be of use
    )
    def close_the_till(): ...

It needs :class:`barback.RedisBroker`, for its ``enqueue_once``, and ``periodiq``, for the command
of that name.
"""

from barback.periodic.middleware import Periodic, scheduled_time
from barback.periodic.plan import CatchUp, InvalidPlan, Plan
from barback.periodic.takeover import take_over_periodiq

__all__ = ["CatchUp", "InvalidPlan", "Periodic", "Plan", "scheduled_time", "take_over_periodiq"]
