"""The menu, and one's orders as they are served."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from database.engine import reading
from database.menu import MENU
from database.orders import orders_of
from web.live import follow
from web.ordering import BarIsClosed, BarIsFull, KeyUsed, place_order, position
from web.pages import fragment, page
from web.visitors import FORM_TOKEN, Visitor

router = APIRouter()

#: When it is worth another try, in seconds.
RETRY_AFTER = {"Retry-After": "10"}


@router.get("/orders")
def show_orders(request: Request, visitor: Visitor) -> Response:
    html, is_final = _render(visitor)
    return page(
        request,
        "orders.html",
        menu=MENU,
        orders_html=html,
        is_final=is_final,
        key=secrets.token_urlsafe(18),
    )


@router.post("/orders", dependencies=[FORM_TOKEN])
def receive_order(
    visitor: Visitor,
    drink: Annotated[Literal["beer", "coffee"], Form()],
    key: Annotated[str, Form(max_length=200)],
) -> Response:
    try:
        place_order(drink, key=key, visitor=visitor)
    except BarIsFull:
        raise HTTPException(
            503, "The bar is full at the moment. Please try again in a minute.", RETRY_AFTER
        ) from None
    except BarIsClosed:
        raise HTTPException(
            503, "The bar takes no orders at the moment. Please try again soon.", RETRY_AFTER
        ) from None
    except KeyUsed:
        raise HTTPException(409, "This order was placed before. Reload the menu.") from None
    return RedirectResponse("/orders", 303)


@router.get("/orders/events", response_class=EventSourceResponse)
async def order_events(visitor: Visitor) -> AsyncIterator[ServerSentEvent]:
    async for event in follow(lambda: _render(visitor)):
        yield event


def _render(visitor: str) -> tuple[str, bool]:
    with reading() as session:
        orders = orders_of(session, visitor)
    rows = [(order, position(order)) for order in orders]
    return fragment("_orders.html", rows=rows), all(order.is_final for order in orders)
