"""Runs standing orders: APScheduler keeps the times, the database the orders.

The rows are read every second, so that a change takes effect within two. Any number of runners
may run: a run is enqueued under a token of order and scheduled time, in one step with its claim.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from barback.connection.outage import EXPECTED_ERRORS, Outage
from barback.connection.server import require_server
from barback.periodic.clock import server_now
from barback.periodic.liveness import Heartbeat
from database.engine import reading
from database.standing_orders import active_standing_orders
from standing_orders.liveness import PROGRAM, RunnerRecord
from standing_orders.placing import Placing
from standing_orders.stepping import InformingExecutor, SteppedScheduler
from standing_orders.timing import Unrunnable, next_run
from standing_orders.trigger import TOLERATED_SKEW, OrderTrigger

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    import dramatiq

    from actors.serving import Served
    from barback import RedisBroker
    from database.standing_orders import StandingOrder

#: How often the rows are read, in seconds.
LOOK_INTERVAL_SECONDS = 1.0

#: How long orders are placed before the rows are read again, in seconds. Thousands may be due at
#: eight o'clock; meanwhile nobody would hear that this program lives, and it would not stop.
PLACING_SECONDS = 5.0

#: The latest run that was missed is ordered if it is no older; nobody wants yesterday's coffee.
GRACE = dt.timedelta(hours=1)


class Runner:
    """
    Parameters:
      broker: Where the orders go.
      actors: The actor that serves each drink.
    """

    def __init__(
        self, broker: RedisBroker, actors: Mapping[str, dramatiq.Actor[[str], Served]]
    ) -> None:
        self.broker = broker
        self.logger = logging.getLogger("bar.standing_orders")
        self._placing = Placing(broker, actors)
        self._heartbeat = Heartbeat(broker.client, broker.namespace, PROGRAM)
        self._record = RunnerRecord(broker.client, broker.namespace)
        self._scheduler = SteppedScheduler(
            timezone=dt.UTC, executors={"default": InformingExecutor()}
        )
        #: What each job was made of; a job whose row says something else is made anew.
        self._scheduled: dict[str, tuple[object, ...]] = {}
        #: Parts of each job's definition: with another skew, or after a jump, all are made anew.
        self._skew = dt.timedelta()
        self._jumped_at: dt.datetime | None = None
        self._looked_at: dt.datetime | None = None
        self._places_until = 0.0
        self._outage = Outage(
            self.logger, "standing orders", expected=(*EXPECTED_ERRORS, SQLAlchemyError)
        )

    def require_server(self) -> None:
        """Raises: SystemExit, when the server will never do."""
        if (error := require_server(self.broker.client)) is not None:
            self._outage.report(error)  # a silent server takes as long to be noticed once more

    def run(self, stop: threading.Event) -> None:
        """Order what is due, until told to stop."""
        self._scheduler.start()
        try:
            while not stop.is_set():
                stop.wait(self._look_or_complain())
        finally:
            self._scheduler.shutdown()

    def look(self) -> float:
        """Read the rows and order what is due; return how many seconds to wait.

        Raises:
          BrokerUnavailable, redis.RedisError, SQLAlchemyError: What was not ordered is due at the
            next look.
        """
        now = server_now(self.broker.client)
        self._update_skew(now)
        self._notice_jump(now)
        self._read_rows(now)
        self._placing.failure = None
        self._places_until = time.monotonic() + PLACING_SECONDS
        wait_seconds = self._scheduler.step()
        if self._placing.failure is not None:
            raise self._placing.failure
        # Not before: whoever asks for it wants to know that orders are placed.
        self._heartbeat.beat(now)
        self._record.beat(now)
        return min(LOOK_INTERVAL_SECONDS, wait_seconds or LOOK_INTERVAL_SECONDS)

    def _look_or_complain(self) -> float:
        try:
            wait_seconds = self.look()
        except Exception as error:  # noqa: BLE001 - nothing that the database or Redis does may end the bar
            self._outage.report(error)
            return LOOK_INTERVAL_SECONDS
        self._outage.end()
        return wait_seconds

    def _update_skew(self, now: dt.datetime) -> None:
        skew = now - dt.datetime.now(dt.UTC)
        if abs(skew - self._skew) > TOLERATED_SKEW:
            self.logger.warning("This machine's clock is %s off; the server's decides.", skew)
            self._skew = skew

    def _notice_jump(self, now: dt.datetime) -> None:
        """Begin anew at the time that it is: jobs would wait for a time that the clock has shown
        before it was set back, and count all runs of a weekend that the machine was asleep.
        """
        passed = now - (self._looked_at or now)
        if passed < -TOLERATED_SKEW:
            self.logger.warning("The clock was set back by %s.", -passed)
        if not -TOLERATED_SKEW <= passed <= GRACE:
            self._jumped_at = now
        self._looked_at = now

    def _read_rows(self, now: dt.datetime) -> None:
        """Make APScheduler's jobs what the rows say."""
        with reading() as session:
            orders = {order.id: order for order in active_standing_orders(session)}
        for order_id in self._scheduled.keys() - orders.keys():
            self._unschedule(order_id)
        changed = [
            order
            for order in orders.values()
            if self._scheduled.get(order.id) != self._definition(order)
        ]
        self._placing.leave_out_missed(changed, oldest=now - GRACE)
        for order in changed:
            self._schedule_or_report(order, now)
            self._scheduled[order.id] = self._definition(order)

    def _definition(self, order: StandingOrder) -> tuple[object, ...]:
        schedule = (order.cron, order.every_seconds, order.at, order.timezone)
        return (order.drink, order.visitor, *schedule, self._skew, self._jumped_at)

    def _unschedule(self, order_id: str) -> None:
        if self._scheduler.get_job(order_id) is not None:
            self._scheduler.remove_job(order_id)
        self._scheduled.pop(order_id, None)

    def _schedule_or_report(self, order: StandingOrder, now: dt.datetime) -> None:
        try:
            self._schedule(order, now)
        except Unrunnable as error:
            self.logger.warning("Standing order %s is passed over: %s.", order.id, error)

    def _schedule(self, order: StandingOrder, now: dt.datetime) -> None:
        if self._scheduler.get_job(order.id) is not None:
            self._scheduler.remove_job(order.id)
        # Later than now if the clock was ahead when it was noted.
        handled_until = min(order.handled_until, now)
        run = next_run(order, max(handled_until, now - GRACE))
        if run is None:
            return
        trigger = OrderTrigger(order, self._skew)
        self._scheduler.add_job(
            self._place_due,
            trigger,
            args=[order, trigger],
            id=order.id,
            name=f"{order.drink} {order.id}",
            next_run_time=trigger.fire_time_of(run),
            coalesce=False,  # it is told of all due runs, and orders once
        )

    def _place_due(
        self, order: StandingOrder, trigger: OrderTrigger, fire_times: Sequence[dt.datetime] = ()
    ) -> None:
        runs = [trigger.scheduled_for(fire_time) for fire_time in fire_times]
        now = dt.datetime.now(dt.UTC) + self._skew
        has_time = time.monotonic() < self._places_until
        if not (has_time and self._placing.place_latest(order, runs, oldest=now - GRACE)):
            # Forgotten, so that the next look schedules it anew, from the run that is left on.
            self._scheduled.pop(order.id, None)
