"""Orders in the JSON API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field

from database.engine import reading
from database.orders import Order, OrderState
from menu import DRINKS
from web.api_schemas import OPTIONAL_BEARER, DrinkName, Price, problems
from web.networks import network_of
from web.orders.cancelling import cancel_order
from web.orders.placing import (
    RETRY_AFTER,
    BarIsClosed,
    BarIsFull,
    KeyUsed,
    place_order,
    position,
)
from web.sessions import OPTIONAL_TOKEN, MaybeAccount

router = APIRouter(prefix="/api/orders", tags=["Orders"])


class NewOrder(BaseModel):
    drink: DrinkName


class OrderStatus(BaseModel):
    """An order and how far it is."""

    id: str
    drink: str
    price: Annotated[Price | None, Field(description="None once the drink has left the menu.")]
    state: OrderState
    position: Annotated[int | None, Field(description="How many orders wait before it.")]
    served_by: Annotated[str | None, Field(description="The worker's machine and process.")]
    placed_at: dt.datetime
    finished_at: dt.datetime | None


@router.post(
    "",
    status_code=202,
    responses=problems(400, 401, 409, 413, 429, 503),
    dependencies=[OPTIONAL_TOKEN],
    openapi_extra=OPTIONAL_BEARER,
)
def post_order(
    order: NewOrder,
    account: MaybeAccount,
    request: Request,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Requests with the same key place one order, however often they are sent. "
            "A key is the account's, or without a token your network's: others may have the same.",
        ),
    ] = None,
) -> OrderStatus:
    """Place an order. The answer does not wait for the drink.

    With a token it is among the account's orders on the website, too.
    """
    visitor = account.user.visitor if account else None
    sender = visitor or f"network:{network_of(request)}"
    try:
        placed = place_order(order.drink, sender=sender, key=idempotency_key, visitor=visitor)
    except BarIsFull:
        raise HTTPException(503, "The bar is full.", RETRY_AFTER) from None
    except BarIsClosed:
        raise HTTPException(503, "The queue cannot be reached.", RETRY_AFTER) from None
    except KeyUsed:
        raise HTTPException(409, "This key belongs to an order of another drink.") from None
    response.headers["Location"] = request.url_for("get_order", order_id=placed.id).path
    return status_of(placed)


@router.get("/{order_id}", responses=problems(404))
def get_order(order_id: str) -> OrderStatus:
    """How far an order is."""
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return status_of(order)


@router.post(
    "/{order_id}/cancel",
    responses=problems(401, 404, 429, 503),
    dependencies=[OPTIONAL_TOKEN],
    openapi_extra=OPTIONAL_BEARER,
)
def post_cancel(order_id: str, account: MaybeAccount) -> OrderStatus:
    """Cancel an order: before it is served it is gone at once, afterwards its worker stops within
    about a second. One that has ended stays as it is.

    An account's order takes the account's token.
    """
    try:
        if not cancel_order(order_id, account.user.visitor if account else None):
            raise HTTPException(404, "There is no such order.")
    except BarIsClosed:
        raise HTTPException(503, "The queue cannot be reached.", RETRY_AFTER) from None
    return get_order(order_id)


def status_of(order: Order) -> OrderStatus:
    """What a program hears of an order."""
    return OrderStatus(
        id=order.id,
        drink=order.drink,
        price=Price.of(price) if (price := DRINKS.get(order.drink)) else None,
        state=order.state,
        position=position(order),
        served_by=order.served_by,
        placed_at=order.placed_at,
        finished_at=order.finished_at,
    )
