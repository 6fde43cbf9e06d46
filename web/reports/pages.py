"""The monthly report: asked for with a button, made by a worker, watched while it grows."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from actors.reports import make_report
from database.engine import reading
from database.reports import Report, ReportState, latest_reports, lines_of
from translations import gettext as _
from web.live import STREAM_LIMIT, follow
from web.outgoing import OutgoingDependency
from web.pages import fragment, page
from web.reports.chart import Chart
from web.reports.requesting import (
    RETRY_AFTER,
    FoundReport,
    Month,
    TooManyReports,
    cancel,
    find_report,
    grand_total,
    recent_months,
    request_month,
    totals,
)
from web.sessions import STAFF_ONLY
from web.visitors import FORM_TOKEN
from web.workers import nobody_serves

router = APIRouter(dependencies=[STAFF_ONLY])


@router.get("/reports")
def show_reports(request: Request) -> Response:
    with reading() as session:
        reports = latest_reports(session)
    return page(request, "reports/reports.html", months=recent_months(), reports=reports)


@router.post("/reports", dependencies=[FORM_TOKEN])
def receive_request(outgoing: OutgoingDependency, month: Annotated[Month, Form()]) -> Response:
    try:
        report = request_month(month, outgoing)
    except TooManyReports:
        raise HTTPException(
            503, _("Enough reports are being made at the moment."), RETRY_AFTER
        ) from None
    return RedirectResponse(f"/reports/{report.id}", 303)


@router.get("/reports/{report_id}")
def show_report(request: Request, report: FoundReport) -> Response:
    if report.state is not ReportState.DONE:
        return page(
            request,
            "reports/report_progress.html",
            report=report,
            progress_html=_render_progress(report),
        )
    with reading() as session:
        lines = lines_of(session, report.id)
    drinks = totals(lines)
    return page(
        request,
        "reports/report.html",
        report=report,
        totals=drinks,
        grand_total=grand_total(drinks),
        chart=Chart.of(report.month, report.days_total, lines),
    )


@router.post("/reports/{report_id}/cancel", dependencies=[FORM_TOKEN])
def receive_cancel(report: FoundReport) -> Response:
    cancel(report.id)
    return RedirectResponse(f"/reports/{report.id}", 303)


@router.get(
    "/reports/{report_id}/events",
    response_class=EventSourceResponse,
    dependencies=[STREAM_LIMIT],
)
async def report_events(report: FoundReport) -> AsyncIterator[ServerSentEvent]:
    def render() -> tuple[str, bool]:
        current = find_report(str(report.id))
        return _render_progress(current), not current.is_active

    async for event in follow(f"report {report.id}", render):
        yield event


def _render_progress(report: Report) -> str:
    is_unserved = nobody_serves(make_report.queue_name)
    return fragment("reports/_progress.html", report=report, is_unserved=is_unserved)


@router.get("/reports/{report_id}/sales.csv")
def download(report: FoundReport) -> Response:
    if report.state is not ReportState.DONE:
        raise HTTPException(404, _("This report is not complete."))
    return Response(
        _csv(report.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="sales-{report.month:%Y-%m}.csv"'},
    )


def _csv(report_id: uuid.UUID) -> str:
    with reading() as session:
        lines = lines_of(session, report_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["day", "drink", "sold", "revenue", "currency"])
    for line in lines:
        writer.writerow([line.day, line.drink, line.sold, line.revenue.amount, line.currency])
    return text.getvalue()
