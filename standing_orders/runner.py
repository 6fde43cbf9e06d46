"""Runs standing orders: APScheduler keeps the times, the database the orders.

The rows are read every second, so that a change takes effect within two. Any number of runners
may run: a run is enqueued under a token of order and scheduled time, in one step with its claim.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

import redis
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from barback.errors import BrokerUnavailable
from barback.heartbeat import Heartbeat
from barback.periodic.clock import server_now
from database.engine import reading, writing
from database.standing_orders import active_standing_orders, mark_ordered
from standing_orders.executor import InformingExecutor
from standing_orders.timing import in_zone, next_run
from standing_orders.trigger import TOLERATED_SKEW, OrderTrigger

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    import dramatiq

    from actors.serving import Served
    from barback import RedisBroker
    from database.standing_orders import StandingOrder

#: How often the rows are read, in seconds.
SYNC_INTERVAL_SECONDS = 1.0

#: A run that was missed is made up for within this time, once; nobody wants yesterday's coffee.
GRACE = dt.timedelta(hours=1)

#: How long the token of a run is kept, in seconds: longer than anybody may try it again.
TOKEN_TTL_SECONDS = 86_400

#: The name under which health checks find this program.
PROGRAM = "scheduler"


class Runner:
    """
    Parameters:
      broker: Where the orders go.
      drinks: The actor that serves each drink.
    """

    def __init__(
        self, broker: RedisBroker, drinks: Mapping[str, dramatiq.Actor[[str], Served]]
    ) -> None:
        self.broker = broker
        self.drinks = drinks
        self.logger = logging.getLogger("bar.standing_orders")
        self._heartbeat = Heartbeat(broker.client, broker.namespace, PROGRAM)
        self._scheduler = BackgroundScheduler(
            timezone=dt.UTC, executors={"default": InformingExecutor()}
        )
        #: What each job was made of; a job whose row says something else is made anew.
        self._scheduled: dict[str, tuple[object, ...]] = {}
        self._skew = dt.timedelta()
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        """Order what is due, until told to stop."""
        self._scheduler.start()
        try:
            while not stop.is_set():
                self._sync_or_complain()
                stop.wait(SYNC_INTERVAL_SECONDS)
        finally:
            self._scheduler.shutdown()

    def _sync_or_complain(self) -> None:
        try:
            self.sync()
        except (SQLAlchemyError, redis.RedisError) as error:
            self._tell("Standing orders wait: %s", str(error).splitlines()[0])
        else:
            self._tell("", "")

    def _tell(self, text: str, reason: str) -> None:
        """Log trouble when it begins and when it is over, not each second."""
        if text and not self._trouble:
            self.logger.warning(text, reason)
        if self._trouble and not text:
            self.logger.warning("Standing orders go on.")
        self._trouble = text

    def sync(self) -> None:
        """Make APScheduler's jobs what the rows say."""
        now = server_now(self.broker.client)
        self._update_skew(now)
        with reading() as session:
            orders = {order.id: order for order in active_standing_orders(session)}
        for order_id in self._scheduled.keys() - orders.keys():
            self._unschedule(order_id)
        for order in orders.values():
            if self._scheduled.get(order.id) != (definition := self._definition(order)):
                self._schedule(order, now)
                self._scheduled[order.id] = definition
        self._heartbeat.beat(now)

    def _update_skew(self, now: dt.datetime) -> None:
        skew = now - dt.datetime.now(dt.UTC)
        if abs(skew - self._skew) > TOLERATED_SKEW:
            self.logger.warning("This machine's clock is %s off; the server's decides.", skew)
            self._skew = skew  # part of each job's definition: all are made anew

    def _definition(self, order: StandingOrder) -> tuple[object, ...]:
        return (order.drink, order.cron, order.every_seconds, order.at, order.timezone, self._skew)

    def _unschedule(self, order_id: str) -> None:
        if self._scheduler.get_job(order_id) is not None:
            self._scheduler.remove_job(order_id)
        self._scheduled.pop(order_id, None)

    def _schedule(self, order: StandingOrder, now: dt.datetime) -> None:
        self._unschedule(order.id)
        missed = next_run(order, order.handled_until)
        run = next_run(order, max(order.handled_until, now - GRACE))
        if missed is not None and missed < now - GRACE:
            self._warn_of_missed(order, since=missed)
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
        if len(fire_times) > 1:
            self._warn_of_missed(order, since=trigger.scheduled_for(fire_times[0]))
        try:
            self._place(order, trigger.scheduled_for(fire_times[-1]))
        except (BrokerUnavailable, redis.RedisError, SQLAlchemyError):
            # Forgotten, so that the next sync schedules it anew, from the run that failed on.
            self._scheduled.pop(order.id, None)
            raise

    def _place(self, order: StandingOrder, scheduled: dt.datetime) -> None:
        stamp = f"{scheduled:%Y%m%dT%H%M%SZ}"
        message = self.drinks[order.drink].message(f"{order.id}-{stamp}")
        placed = self.broker.enqueue_once(
            message,
            token=f"standing-order:{order.id}:{stamp}",
            ttl_seconds=TOKEN_TTL_SECONDS,
        )
        with writing() as session:
            mark_ordered(session, order.id, scheduled)
        who = "" if placed else " by another scheduler"
        self.logger.info("Ordered%s: %s, due %s.", who, order.drink, _shown(order, scheduled))

    def _warn_of_missed(self, order: StandingOrder, *, since: dt.datetime) -> None:
        self.logger.warning(
            "Standing order %s (%s) missed its runs since %s; the last hour is made up for once.",
            order.id,
            order.drink,
            _shown(order, since),
        )


def _shown(order: StandingOrder, moment: dt.datetime) -> str:
    return in_zone(order, moment).isoformat(sep=" ", timespec="seconds")
