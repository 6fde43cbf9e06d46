"""The menu, and one's orders as they are served."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from database.engine import reading
from database.orders import orders_of
from menu import DRINKS
from translations import gettext as _
from web.api_schemas import DrinkName
from web.live import STREAM_LIMIT, follow
from web.orders.cancelling import cancel_order
from web.orders.placing import (
    RETRY_AFTER,
    BarIsClosed,
    BarIsFull,
    KeyUsed,
    place_order,
    position,
)
from web.pages import fragment, page
from web.sessions import Visitor
from web.visitors import FORM_TOKEN
from web.workers import nobody_serves

router = APIRouter()


@router.get("/orders")
def show_orders(request: Request, visitor: Visitor, ordered: str = "") -> Response:
    """Parameters: ordered: The drink whose button was pressed; it keeps the keyboard's focus."""
    html, is_final = _render(visitor)
    return page(
        request,
        "orders/orders.html",
        drinks=DRINKS,
        orders_html=html,
        is_final=is_final,
        key=secrets.token_urlsafe(18),
        ordered=ordered,
    )


@router.post("/orders", dependencies=[FORM_TOKEN])
def receive_order(
    visitor: Visitor,
    drink: Annotated[DrinkName, Form()],
    key: Annotated[str, Form(max_length=200)],
) -> Response:
    try:
        place_order(drink, sender=visitor, key=key, visitor=visitor)
    except BarIsFull:
        raise HTTPException(
            503, _("The bar is full at the moment. Please try again in a minute."), RETRY_AFTER
        ) from None
    except BarIsClosed:
        raise HTTPException(
            503, _("The bar takes no orders at the moment. Please try again soon."), RETRY_AFTER
        ) from None
    except KeyUsed:
        raise HTTPException(409, _("This order was placed before. Reload the menu.")) from None
    return RedirectResponse(f"/orders?ordered={drink}", 303)


@router.post("/orders/{order_id}/cancel", dependencies=[FORM_TOKEN])
def receive_cancel(visitor: Visitor, order_id: str) -> Response:
    try:
        if not cancel_order(order_id, visitor):
            raise HTTPException(404, _("You have no such order."))
    except BarIsClosed:
        raise HTTPException(
            503, _("The bar cannot be reached at the moment. Please try again soon."), RETRY_AFTER
        ) from None
    return RedirectResponse("/orders#yours", 303)  # there the keyboard goes on


@router.get("/orders/events", response_class=EventSourceResponse, dependencies=[STREAM_LIMIT])
async def order_events(visitor: Visitor) -> AsyncIterator[ServerSentEvent]:
    async for event in follow(f"orders {visitor}", lambda: _render(visitor)):
        yield event


def _render(visitor: str) -> tuple[str, bool]:
    with reading() as session:
        orders = orders_of(session, visitor)
    rows = [(order, position(order), nobody_serves(order.drink)) for order in orders]
    return fragment("orders/_orders.html", rows=rows), all(order.is_final for order in orders)
