"""Places the runs of standing orders that are due."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import redis
from sqlalchemy.exc import SQLAlchemyError

from barback.errors import AlreadyEnqueued, BrokerUnavailable
from database.base import utc_now
from database.engine import writing
from database.orders import add_order, forget_unsent, mark_queued
from database.standing_orders import mark_left_out, mark_ordered, mark_ordered_beside
from settings import settings
from standing_orders.timing import Unrunnable, in_zone, next_run

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import dramatiq

    from actors.serving import Served
    from barback import RedisBroker
from database.standing_orders import StandingOrder

#: How long the token of a run is kept, in seconds: longer than anybody may try it again.
TOKEN_TTL_SECONDS = 86_400

#: Of how many orders that missed their runs at once the log tells each.
TOLD_AT_MOST = 10


class Placing:
    """
    Parameters:
      broker: Where the orders go.
      actors: The actor that serves each drink.
    """

    def __init__(
        self, broker: RedisBroker, actors: Mapping[str, dramatiq.Actor[[str], Served]]
    ) -> None:
        self.broker = broker
        self.actors = actors
        self.logger = logging.getLogger("bar.standing_orders")
        #: What kept a run from being placed since the caller last forgot it.
        self.failure: Exception | None = None
        self._full_queues: set[str] = set()

    def place_latest(
        self, order: StandingOrder, runs: Sequence[dt.datetime], *, oldest: dt.datetime
    ) -> bool:
        """Order once for all runs that are due, unless the latest is older than ``oldest``.

        Returns:
          Whether this is settled. If not, :attr:`failure` says why.
        """
        latest = runs[-1]
        is_late = latest < oldest
        try:
            if is_late or self._is_full(order):
                with writing() as session:
                    mark_left_out(session, order.id, until=latest)
            else:
                self._place(order, latest)
        except (BrokerUnavailable, redis.RedisError, SQLAlchemyError) as error:
            self.failure = error
            return False
        if len(runs) > 1 or is_late:  # said once, when it is settled
            self.warn_of_missed(order, since=runs[0])
        return True

    def leave_out_missed(self, orders: Iterable[StandingOrder], *, oldest: dt.datetime) -> None:
        """Note that nobody will order what was due before ``oldest``.

        Raises:
          SQLAlchemyError: Nothing is noted.
        """
        first_runs = ((order, _first_run(order)) for order in orders)
        missed = [(order, run) for order, run in first_runs if run is not None and run < oldest]
        if not missed:
            return
        with writing() as session:
            mark_left_out(session, *(order.id for order, _ in missed), until=oldest)
        for order, run in missed[:TOLD_AT_MOST]:
            self.warn_of_missed(order, since=run)
        if untold := missed[TOLD_AT_MOST:]:
            self.logger.warning("%d more standing orders missed runs.", len(untold))

    def place_beside(self, order: StandingOrder) -> str | None:
        """Order once more, now, beside its schedule.

        Returns:
          The id of the message's entry, or None where the last one still waits.

        Raises:
          BrokerUnavailable, redis.RedisError, SQLAlchemyError: It was not ordered.
        """
        now = utc_now()
        try:
            placed = self._send(order, now)
        except AlreadyEnqueued:
            return None
        if placed is not None:
            with writing() as session:
                mark_ordered_beside(session, order.id, now)
        return placed

    def _place(self, order: StandingOrder, scheduled: dt.datetime) -> None:
        what = f"{order.drink}, due {_shown(order, scheduled)}"
        try:
            placed = self._send(order, scheduled)
        except AlreadyEnqueued:
            with writing() as session:
                mark_left_out(session, order.id, until=scheduled)
            self.logger.info("Not ordered again: %s. The last one still waits.", what)
            return
        with writing() as session:
            mark_ordered(session, order.id, scheduled)
        if placed:
            self.logger.info("Ordered: %s.", what)
        else:
            self.logger.info("Not ordered again: %s. Another scheduler has ordered it.", what)

    def _send(self, order: StandingOrder, scheduled: dt.datetime) -> str | None:
        """Send a run, unless it was sent before. Raises: AlreadyEnqueued: The last still waits."""
        stamp = f"{scheduled:%Y%m%dT%H%M%SZ}"
        order_id = f"{order.id}-{stamp}"
        if order.visitor is not None:  # there is a page on which somebody looks for it
            with writing() as session:
                add_order(session, order_id, drink=order.drink, visitor=order.visitor)
        try:
            placed = self.broker.enqueue_once(
                self.actors[order.drink].message(order_id),
                token=f"standing-order:{order.id}:{stamp}",
                ttl_seconds=TOKEN_TTL_SECONDS,
            )
        except AlreadyEnqueued:
            with writing() as session:
                forget_unsent(session, order_id)
            raise
        with writing() as session:
            mark_queued(session, order_id, message=None if placed is None else placed.encode())
        return None if placed is None else str(placed.options["redis_message_id"])

    def _is_full(self, order: StandingOrder) -> bool:
        """Whether so many orders wait already that the website would take no more, either."""
        queue_name = self.actors[order.drink].queue_name
        is_full = self.broker.queue_length(queue_name) >= settings.max_queue_length
        if is_full and queue_name not in self._full_queues:
            self.logger.warning(
                "Queue %s is full (MAX_QUEUE_LENGTH=%d): standing orders for it are left out.",
                queue_name,
                settings.max_queue_length,
            )
            self._full_queues.add(queue_name)
        if not is_full and queue_name in self._full_queues:
            self.logger.warning("Queue %s has room again.", queue_name)
            self._full_queues.discard(queue_name)
        return is_full

    def warn_of_missed(self, order: StandingOrder, *, since: dt.datetime) -> None:
        self.logger.warning(
            "Standing order %s (%s) missed its runs since %s; at most the latest is ordered now.",
            order.id,
            order.drink,
            _shown(order, since),
        )


def _first_run(order: StandingOrder) -> dt.datetime | None:
    """The first run that nobody has handled; None where there is none, or the row is wrong."""
    try:
        return next_run(order, order.handled_until)
    except Unrunnable:
        return None


def _shown(order: StandingOrder, moment: dt.datetime) -> str:
    return in_zone(order, moment).isoformat(sep=" ", timespec="seconds")
