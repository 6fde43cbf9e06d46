"""Standing orders as the operators' board shows them."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, cast

import dramatiq

from barback.board import Schedule
from database.base import utc_now
from database.engine import reading
from database.standing_orders import StandingOrder, latest_standing_orders
from standing_orders.liveness import MAX_SILENCE_SECONDS
from standing_orders.timing import Unrunnable, next_run
from standing_orders.words import schedule_in_words
from translations import gettext as _

if TYPE_CHECKING:
    from barback import RedisBroker

#: A run that is later than this was missed: its scheduler would be known to be gone by then.
_ON_TIME = dt.timedelta(seconds=MAX_SILENCE_SECONDS)


def schedules(at_most: int) -> list[Schedule]:
    """The standing orders that were made last: ``python -m barback board --schedules
    standing_orders.board:schedules``.

    Raises:
      SQLAlchemyError: When the database cannot be asked.
    """
    with reading() as session:
        orders = latest_standing_orders(session, at_most)
    now = utc_now()
    return [as_schedule(order, now) for order in orders]


def as_schedule(order: StandingOrder, now: dt.datetime) -> Schedule:
    """One standing order, as it is at a time."""
    upcoming, due, problem = None, None, None
    try:
        upcoming, due = next_run(order, now), next_run(order, order.handled_until)
    except Unrunnable as error:
        problem = _("cannot be run: %(reason)s", reason=error)
    is_over = upcoming is None and due is None
    is_missed = due is not None and due + _ON_TIME < now and not order.is_paused
    return Schedule(
        id=order.id,
        name=order.drink,
        when=schedule_in_words(order),
        last=order.last_ordered_at,
        next=None if order.is_paused else upcoming,
        is_missed=is_missed,
        note=_("paused") if order.is_paused else problem or (_("never again") if is_over else ""),
        run_now=None if problem else partial(_order_now, order),
    )


def _order_now(order: StandingOrder) -> str | None:
    from actors import SERVING_ACTORS  # noqa: PLC0415 - needs the broker
    from standing_orders.placing import Placing  # noqa: PLC0415 - as above

    broker = cast("RedisBroker", dramatiq.get_broker())
    return Placing(broker, SERVING_ACTORS).place_beside(order)
