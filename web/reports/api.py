"""Reports in the JSON API."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from database.engine import reading
from database.reports import Report, ReportState, lines_of
from web.api_schemas import BEARER, Price, problems
from web.outgoing import OutgoingDependency
from web.reports.requesting import (
    RETRY_AFTER,
    FoundReport,
    Month,
    TooManyReports,
    cancel,
    request_month,
    totals,
)
from web.sessions import STAFF_ONLY

router = APIRouter(
    prefix="/api/reports",
    tags=["Reports"],
    dependencies=[STAFF_ONLY, BEARER],
    responses=problems(401, 403),
)


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


@router.post("", status_code=202, responses=problems(400, 413, 429, 503))
def post_report(
    report: NewReport, request: Request, response: Response, outgoing: OutgoingDependency
) -> ReportStatus:
    """Ask for a month's report. While one is being made, it is the one that you get."""
    try:
        requested = request_month(report.month, outgoing)
    except TooManyReports:
        raise HTTPException(503, "Enough reports are being made.", RETRY_AFTER) from None
    response.headers["Location"] = request.url_for("get_report", report_id=requested.id).path
    return _report_status(requested)


@router.get("/{report_id}", responses=problems(404))
def get_report(report: FoundReport) -> ReportStatus:
    """How far a report is, and what it comes to."""
    return _report_status(report)


@router.post("/{report_id}/cancel", responses=problems(404, 429))
def post_cancel(report: FoundReport) -> ReportStatus:
    """Cancel a report. One that has ended stays as it is."""
    cancel(report.id)
    with reading() as session:
        return _report_status(session.get_one(Report, report.id))


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
            DrinkTotal(drink=total.drink, sold=total.sold, revenue=Price.of(total.revenue))
            for total in totals(lines)
        ],
    )
