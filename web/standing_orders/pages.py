"""One's standing orders: made, paused and removed. ``scheduler.py run`` runs them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from barback.cron import InvalidSchedule
from database.base import take_turn, utc_now
from database.engine import reading, writing
from database.standing_orders import (
    StandingOrder,
    hold_standing_order,
    resume,
    standing_order_count,
    standing_orders_of,
)
from menu import DRINKS
from settings import settings
from standing_orders.listing import next_in_words
from standing_orders.liveness import RunnerRecord
from standing_orders.reading import DAYS, Schedule, read_days_and_time, read_schedule
from standing_orders.words import last_in_words, schedule_in_words
from timezones import find_timezone, timezone_names_by_region
from translations import gettext as _
from web.api_schemas import DrinkName
from web.broker import AWAY_ERRORS, answering_broker
from web.pages import page
from web.sent_once import id_of
from web.sessions import Visitor
from web.visitors import FORM_TOKEN

router = APIRouter(prefix="/standing-orders")

#: How many standing orders a visitor may have, and how long an interval must be, in seconds.
#: Anybody can be a visitor.
MAX_ORDERS = 10
MIN_INTERVAL_SECONDS = 60


@router.get("")
def show_standing_orders(request: Request, visitor: Visitor) -> Response:
    return _page(request, visitor)


@dataclass(frozen=True)
class Given:
    """What somebody typed. A schedule, if there is one, counts instead of days and time."""

    drink: str = "coffee"
    days: tuple[str, ...] = DAYS[:5]
    time: str = "08:00"
    schedule: str = ""
    timezone: str = ""


@router.post("", dependencies=[FORM_TOKEN])
def receive_standing_order(
    request: Request,
    visitor: Visitor,
    *,
    drink: Annotated[DrinkName, Form()],
    timezone: Annotated[str, Form(max_length=64)],
    days: Annotated[list[str] | None, Form(max_length=7)] = None,
    time: Annotated[str, Form(max_length=20)] = "",
    schedule: Annotated[str, Form(max_length=200)] = "",
    key: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    given = Given(drink, tuple(days or ()), time, schedule.strip(), timezone)
    problems: dict[str, str] = {}
    with _blaming("timezone", problems):
        find_timezone(timezone)
    if not problems:
        with _blaming("schedule" if given.schedule else "days", problems):
            _add(visitor, given, key or secrets.token_hex())
    if problems:
        return _page(request, visitor, given=given, problems=problems)
    return RedirectResponse(router.prefix, 303)


@contextlib.contextmanager
def _blaming(field: str, problems: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except InvalidSchedule as error:
        problems[field] = str(error)


def find_own_order(order_id: str, visitor: Visitor) -> str:
    with reading() as session:
        order = session.get(StandingOrder, order_id)
    if order is None or order.visitor != visitor:
        raise HTTPException(404, _("There is no such standing order."))
    return order_id


OwnOrderId = Annotated[str, Depends(find_own_order)]


@router.post("/{order_id}/{action}", dependencies=[FORM_TOKEN])
def receive_change(order_id: OwnOrderId, action: Literal["pause", "resume", "remove"]) -> Response:
    with writing() as session:
        order = hold_standing_order(session, order_id)
        if order is None:  # removed meanwhile
            return RedirectResponse(router.prefix, 303)
        if action == "remove":
            session.delete(order)
        elif action == "pause":
            order.is_paused = True
        else:
            resume(order)
    return RedirectResponse(router.prefix, 303)


def _read(given: Given) -> Schedule:
    if not given.schedule:
        return read_days_and_time(given.days, given.time)
    schedule = read_schedule(given.schedule, given.timezone)
    every_seconds = schedule["every_seconds"]
    if every_seconds is not None and every_seconds < MIN_INTERVAL_SECONDS:
        raise InvalidSchedule(_("We serve one standing order once a minute at most."))
    return schedule


def _add(visitor: str, given: Given, key: str) -> None:
    schedule = _read(given)
    # Short, as people type it. A form that was changed and sent again makes another one.
    order_id = id_of("standing order", visitor, f"{key}\0{given}")[:8]
    with writing() as session:
        take_turn(session, "new standing orders")
        if session.get(StandingOrder, order_id) is not None:
            return
        if len(standing_orders_of(session, visitor)) >= MAX_ORDERS:
            raise InvalidSchedule(
                _("You have %(count)s standing orders; remove one first.", count=MAX_ORDERS)
            )
        if standing_order_count(session) >= settings.max_standing_orders:
            raise InvalidSchedule(_("The bar has no room for more standing orders at the moment."))
        session.add(
            StandingOrder(
                id=order_id,
                drink=given.drink,
                visitor=visitor,
                timezone=given.timezone,
                **schedule,
            )
        )


def _nobody_runs_them() -> bool:
    """Whether it is known that no scheduler runs."""
    with contextlib.suppress(*AWAY_ERRORS), answering_broker() as broker:
        return not RunnerRecord(broker.client).is_running()
    return False


def _page(
    request: Request,
    visitor: str,
    *,
    given: Given | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    with reading() as session:
        orders = standing_orders_of(session, visitor)
    now = utc_now()
    rows = [
        (order, schedule_in_words(order), next_in_words(order, now), last_in_words(order, now))
        for order in orders
    ]
    return page(
        request,
        "standing_orders/standing_orders.html",
        status=422 if problems else 200,
        drinks=DRINKS,
        days=DAYS,
        regions=timezone_names_by_region(),
        bar_timezone=settings.bar_timezone,
        rows=rows,
        nobody_runs_them=_nobody_runs_them(),
        problems=problems or {},
        given=given or Given(),
        key=secrets.token_urlsafe(18),
    )
