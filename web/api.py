"""The JSON API, under ``/api``. Its description is at ``/api/openapi.json``."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field

from database.engine import reading
from database.menu import MENU
from database.orders import Order, OrderState
from database.reports import Report, ReportState, lines_of
from web.credentials import Credentials
from web.ordering import BarIsClosed, BarIsFull, KeyUsed, place_order, position
from web.orders import RETRY_AFTER
from web.outgoing import OutgoingDependency
from web.rate_limit import RATE_LIMIT
from web.reporting import Month, cancel, request_month, totals
from web.reports import FoundReport
from web.sign_ups import sign_up

router = APIRouter(prefix="/api")


class Problem(BaseModel):
    """What is wrong."""

    detail: str


class Price(BaseModel):
    """An amount in the smallest unit of its currency: 450 EUR are 4.50 euros."""

    minor: int
    currency: str


class NewOrder(BaseModel):
    drink: Literal["beer", "coffee"]


class OrderStatus(BaseModel):
    """An order and how far it is."""

    id: str
    drink: str
    price: Price
    state: OrderState
    position: Annotated[int | None, Field(description="How many orders wait before it.")]
    served_by: Annotated[str | None, Field(description="The worker's machine and process.")]
    placed_at: dt.datetime
    finished_at: dt.datetime | None


class Accepted(BaseModel):
    detail: str


class NewReport(BaseModel):
    month: Month


class DrinkTotal(BaseModel):
    drink: str
    sold: int
    revenue: Price


class ReportStatus(BaseModel):
    """A report and how far it is. The totals are those of the days that are done."""

    id: uuid.UUID
    month: Month
    state: ReportState
    days_done: int
    days_total: int
    totals: list[DrinkTotal]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


_MEANINGS = {
    400: "The request cannot be read.",
    404: "There is no such thing.",
    409: "The idempotency key belongs to an order of another drink.",
    413: "The request is too long.",
    429: "Too many requests. Try again after `Retry-After` seconds.",
    503: "The bar is full or closed. Try again after `Retry-After` seconds, with the same key.",
}


@router.post("/orders", status_code=202, tags=["Orders"], responses=_problems(400, 409, 413, 503))
def post_order(
    order: NewOrder,
    request: Request,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Requests with the same key place one order, however often they are sent.",
        ),
    ] = None,
) -> OrderStatus:
    """Place an order. The answer does not wait for the drink."""
    try:
        placed = place_order(order.drink, key=idempotency_key)
    except BarIsFull:
        raise HTTPException(503, "The bar is full.", RETRY_AFTER) from None
    except BarIsClosed:
        raise HTTPException(503, "The queue cannot be reached.", RETRY_AFTER) from None
    except KeyUsed:
        raise HTTPException(409, "This key belongs to an order of another drink.") from None
    response.headers["Location"] = request.url_for("get_order", order_id=placed.id).path
    return _order_status(placed)


@router.get("/orders/{order_id}", tags=["Orders"], responses=_problems(404))
def get_order(order_id: str) -> OrderStatus:
    """How far an order is."""
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return _order_status(order)


@router.post(
    "/sign-ups",
    status_code=202,
    tags=["Sign-up"],
    dependencies=[RATE_LIMIT],
    responses=_problems(400, 413, 429),
)
def post_sign_up(credentials: Credentials, outgoing: OutgoingDependency) -> Accepted:
    """Sign up. The answer is the same whether the address is new or not."""
    sign_up(credentials, outgoing)
    return Accepted(detail="If the address is new, an e-mail with a link is on its way.")


@router.post("/reports", status_code=202, tags=["Reports"], responses=_problems(400, 413))
def post_report(
    report: NewReport, request: Request, response: Response, outgoing: OutgoingDependency
) -> ReportStatus:
    """Ask for a month's report. While one is being made, it is the one that you get."""
    requested = request_month(report.month, outgoing)
    response.headers["Location"] = request.url_for("get_report", report_id=requested.id).path
    return _report_status(requested)


@router.get("/reports/{report_id}", tags=["Reports"], responses=_problems(404))
def get_report(report: FoundReport) -> ReportStatus:
    """How far a report is, and what it comes to."""
    return _report_status(report)


@router.post("/reports/{report_id}/cancel", tags=["Reports"], responses=_problems(404))
def post_cancel(report: FoundReport) -> ReportStatus:
    """Cancel a report. One that has ended stays as it is."""
    cancel(report.id)
    with reading() as session:
        return _report_status(session.get_one(Report, report.id))


def _order_status(order: Order) -> OrderStatus:
    price = MENU[order.drink]
    return OrderStatus(
        id=order.id,
        drink=order.drink,
        price=Price(minor=price.minor, currency=price.currency),
        state=order.state,
        position=position(order),
        served_by=order.served_by,
        placed_at=order.placed_at,
        finished_at=order.finished_at,
    )


def _report_status(report: Report) -> ReportStatus:
    with reading() as session:
        lines = lines_of(session, report.id)
    return ReportStatus(
        id=report.id,
        month=f"{report.month:%Y-%m}",
        state=report.state,
        days_done=report.days_done,
        days_total=report.days_total,
        totals=[
            DrinkTotal(
                drink=total.drink,
                sold=total.sold,
                revenue=Price(minor=total.revenue.minor, currency=total.revenue.currency),
            )
            for total in totals(lines)
        ],
    )
