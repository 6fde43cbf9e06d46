"""Asking for a report, finding it, and what it comes to."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, HTTPException
from pydantic import Field

from actors.reports import report_message
from barback.control import cancel as cancel_message
from database.base import take_turn, utc_now
from database.engine import reading, writing
from database.reports import (
    Report,
    ReportLine,
    ReportState,
    active_report_count,
    end_report,
    request_report,
)
from menu import Money
from translations import gettext as _
from web.broker import AWAY_ERRORS, answering_broker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from web.outgoing import Outgoing

#: How many months the form offers.
OFFERED_MONTHS = 24

#: A month as programs and forms write it, such as 2026-03.
Month = Annotated[str, Field(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-03"])]


#: How many reports may be waiting or being made.
MAX_ACTIVE_REPORTS = 50

#: When it is worth another try, in seconds, as a header.
RETRY_AFTER = {"Retry-After": "60"}


class TooManyReports(Exception):  # noqa: N818 - not the program's error
    """So many reports are being made that no more are taken. Try again later."""


@dataclass(frozen=True)
class Total:
    """What was sold of one drink in the whole month."""

    drink: str
    sold: int
    revenue: Money


def request_month(month: Month, outgoing: Outgoing) -> Report:
    """The report of a month that is being made, or a new one.

    Raises:
      TooManyReports: So many are being made already that it would have to wait too long.
    """
    first_day = dt.date.fromisoformat(f"{month}-01")
    with outgoing.transaction() as session:
        take_turn(session, "new reports")
        report, is_new = request_report(session, first_day)
        if is_new:
            if active_report_count(session) > MAX_ACTIVE_REPORTS:
                raise TooManyReports
            outgoing.send(session, report_message(report.id))
    return report


def find_report(report_id: str) -> Report:
    """Raises: HTTPException with status 404, for an id that is none, too."""
    with contextlib.suppress(ValueError), reading() as session:
        report = session.get(Report, uuid.UUID(report_id))
        if report is not None:
            return report
    raise HTTPException(404, _("There is no such report."))


FoundReport = Annotated[Report, Depends(find_report)]


def cancel(report_id: uuid.UUID) -> None:
    """End a report; one that is complete stays so."""
    with writing() as session:
        end_report(session, report_id, ReportState.CANCELLED)
    # Its worker would find out before the next day; this spares it the day.
    with contextlib.suppress(*AWAY_ERRORS), answering_broker() as broker:
        cancel_message(broker, str(report_id), reason="cancelled on the website")


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
