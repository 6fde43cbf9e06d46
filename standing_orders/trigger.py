"""APScheduler's view of a standing order's times."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from apscheduler.triggers.base import BaseTrigger

from standing_orders.timing import Unrunnable, next_run

if TYPE_CHECKING:
    from database.standing_orders import StandingOrder

#: How far this machine's clock may be off before that is corrected. Less is the time that a
#: command takes to travel.
TOLERATED_SKEW = dt.timedelta(seconds=1)


class OrderTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires when the Redis server's clock shows a run's time.

    APScheduler's own cron trigger is not used: its weekday 0 is Monday. Neither is its idea of
    the time: it goes by this machine's clock, and two machines can be minutes apart.

    Parameters:
      order: The standing order.
      skew: How far the server's clock is ahead of this machine's.
    """

    def __init__(self, order: StandingOrder, skew: dt.timedelta) -> None:
        self.order = order
        self.skew = skew

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime | None:
        try:
            run = next_run(self.order, self.scheduled_for(previous_fire_time or now))
        except Unrunnable:
            return None
        return None if run is None else self.fire_time_of(run)

    def scheduled_for(self, fire_time: dt.datetime) -> dt.datetime:
        return fire_time + self.skew

    def fire_time_of(self, run: dt.datetime) -> dt.datetime:
        return run - self.skew
