"""One's standing orders: made, paused and removed. ``scheduler.py run`` runs them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from barback.cron import InvalidSchedule
from database.base import utc_now
from database.engine import reading, writing
from database.menu import MENU
from database.standing_orders import StandingOrder, resume, standing_orders_of
from settings import settings
from standing_orders.listing import next_in_words
from standing_orders.reading import Schedule, read_schedule
from standing_orders.words import schedule_in_words
from web.pages import page
from web.visitors import FORM_TOKEN, Visitor

router = APIRouter(prefix="/standing-orders")

#: How many standing orders a visitor may have, and how long an interval must be, in seconds.
#: Anybody can be a visitor.
MAX_ORDERS = 10
MIN_INTERVAL_SECONDS = 60


@router.get("")
def show_standing_orders(request: Request, visitor: Visitor) -> Response:
    return _page(request, visitor)


@router.post("", dependencies=[FORM_TOKEN])
def receive_standing_order(
    request: Request,
    visitor: Visitor,
    drink: Annotated[Literal["beer", "coffee"], Form()],
    schedule: Annotated[str, Form(max_length=200)],
    timezone: Annotated[str, Form(max_length=64)],
) -> Response:
    try:
        _add(visitor, drink, _read(schedule, timezone), timezone)
    except InvalidSchedule as error:
        given = {"drink": drink, "schedule": schedule, "timezone": timezone}
        return _page(request, visitor, status=422, error=str(error), given=given)
    return RedirectResponse(router.prefix, 303)


def find_own_order(order_id: str, visitor: Visitor) -> str:
    with reading() as session:
        order = session.get(StandingOrder, order_id)
    if order is None or order.visitor != visitor:
        raise HTTPException(404, "There is no such standing order.")
    return order_id


OwnOrderId = Annotated[str, Depends(find_own_order)]


@router.post("/{order_id}/{action}", dependencies=[FORM_TOKEN])
def receive_change(order_id: OwnOrderId, action: Literal["pause", "resume", "remove"]) -> Response:
    with writing() as session:
        order = session.get(StandingOrder, order_id)
        if order is None:  # removed meanwhile
            return RedirectResponse(router.prefix, 303)
        if action == "remove":
            session.delete(order)
        elif action == "pause":
            order.is_paused = True
        else:
            resume(order)
    return RedirectResponse(router.prefix, 303)


def _read(text: str, timezone: str) -> Schedule:
    schedule = read_schedule(text, timezone)
    every_seconds = schedule["every_seconds"]
    if every_seconds is not None and every_seconds < MIN_INTERVAL_SECONDS:
        raise InvalidSchedule("We serve one standing order once a minute at most.")
    return schedule


def _add(visitor: str, drink: str, schedule: Schedule, timezone: str) -> None:
    with writing() as session:
        if len(standing_orders_of(session, visitor)) >= MAX_ORDERS:
            raise InvalidSchedule(f"You have {MAX_ORDERS} standing orders; remove one first.")
        session.add(StandingOrder(drink=drink, visitor=visitor, timezone=timezone, **schedule))


def _page(
    request: Request,
    visitor: str,
    *,
    status: int = 200,
    error: str | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    with reading() as session:
        orders = standing_orders_of(session, visitor)
    rows = [(order, schedule_in_words(order), next_in_words(order, utc_now())) for order in orders]
    given = given or {"drink": "coffee", "schedule": "", "timezone": settings.bar_timezone}
    return page(
        request,
        "standing_orders.html",
        status=status,
        menu=MENU,
        rows=rows,
        error=error,
        given=given,
    )
