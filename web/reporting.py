"""Asking for a report, once a month at a time, and what it comes to."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from actors.report import make_report
from database.base import utc_now
from database.engine import writing
from database.menu import Money
from database.reports import Report, ReportLine, ReportState, end_report, request_report

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from web.outgoing import Outgoing

#: How many months the form offers.
OFFERED_MONTHS = 24

#: A month as programs and forms write it, such as 2026-03.
Month = Annotated[str, Field(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-03"])]


@dataclass(frozen=True)
class Total:
    """What was sold of one drink in the whole month."""

    drink: str
    sold: int
    revenue: Money


def request_month(month: Month, outgoing: Outgoing) -> Report:
    """The report of a month that is being made, or a new one."""
    first_day = dt.date.fromisoformat(f"{month}-01")
    with outgoing.transaction() as session:
        report, is_new = request_report(session, first_day)
        if is_new:
            outgoing.send(session, make_report.message(str(report.id)))
    return report


def cancel(report_id: uuid.UUID) -> None:
    """End a report. Its worker finds out before the next day; one that is complete stays so."""
    with writing() as session:
        end_report(session, report_id, ReportState.CANCELLED)


def totals(lines: Iterable[ReportLine]) -> list[Total]:
    sold: Counter[tuple[str, str]] = Counter()
    minor: Counter[tuple[str, str]] = Counter()
    for line in lines:
        sold[line.drink, line.currency] += line.sold
        minor[line.drink, line.currency] += line.revenue_minor
    return [
        Total(drink, sold[drink, currency], Money(minor[drink, currency], currency))
        for drink, currency in sorted(sold)
    ]


def grand_total(totals: list[Total]) -> Money | None:
    """All drinks together; None when there are none, or prices in several currencies."""
    currencies = {total.revenue.currency for total in totals}
    if len(currencies) != 1:
        return None
    return Money(sum(total.revenue.minor for total in totals), currencies.pop())


def recent_months() -> list[dt.date]:
    """The first days of the latest months, the newest first."""
    months = [utc_now().date().replace(day=1)]
    while len(months) < OFFERED_MONTHS:
        months.append((months[-1] - dt.timedelta(days=1)).replace(day=1))
    return months
