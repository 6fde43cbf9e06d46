from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from database.reports import (
    Report,
    ReportState,
    add_next_day,
    end_report,
    lines_of,
    request_report,
)
from database.sales import Sale, record_sale
from menu import Money

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FEBRUARY = dt.date(2026, 2, 1)


@pytest.fixture
def report(session: Session) -> Report:
    report, _ = request_report(session, FEBRUARY)
    return report


def sell(session: Session, order_id: str, day: dt.date) -> None:
    record_sale(session, order_id=order_id, drink="coffee", served_by="bar:1")
    sale = session.get_one(Sale, order_id)
    sale.sold_at = dt.datetime.combine(day, dt.time(12), dt.UTC)


def test_a_report_adds_up_every_day_of_its_month(session: Session, report: Report) -> None:
    # Given sales on the first and on the last day of February, and on the first of March
    for number, day in enumerate([FEBRUARY, dt.date(2026, 2, 28), dt.date(2026, 3, 1)]):
        sell(session, str(number), day)

    # When all days are added
    days = 0
    while add_next_day(session, report.id):
        days += 1

    # Expect the two of February
    session.refresh(report)
    assert (days, report.state, report.share) == (28, ReportState.DONE, 1)
    assert [(line.day.day, line.sold, line.revenue) for line in lines_of(session, report.id)] == [
        (1, 1, Money(250)),
        (28, 1, Money(250)),
    ]


def test_asking_twice_gives_the_same_report_while_it_is_made(
    session: Session, report: Report
) -> None:
    again, is_new = request_report(session, dt.date(2026, 2, 14))
    assert (again.id, is_new) == (report.id, False)


@pytest.mark.parametrize("end", [ReportState.DONE, ReportState.CANCELLED, ReportState.FAILED])
def test_asking_again_afterwards_gives_a_new_one(
    session: Session, report: Report, end: ReportState
) -> None:
    end_report(session, report.id, end)
    again, is_new = request_report(session, FEBRUARY)
    assert is_new
    assert again.id != report.id


def test_nothing_is_added_to_a_report_that_was_cancelled(session: Session, report: Report) -> None:
    # Given a report that is cancelled when three of its days are done
    for number in range(28):
        sell(session, str(number), FEBRUARY + dt.timedelta(days=number))
    for _ in range(3):
        add_next_day(session, report.id)
    end_report(session, report.id, ReportState.CANCELLED)

    # When its worker goes on
    goes_on = add_next_day(session, report.id)

    # Expect it to stop, with the three days
    session.refresh(report)
    assert not goes_on
    assert (report.state, report.days_done) == (ReportState.CANCELLED, 3)
    assert len(lines_of(session, report.id)) == 3


def test_a_report_that_has_ended_cannot_be_cancelled(session: Session, report: Report) -> None:
    end_report(session, report.id, ReportState.DONE)
    assert not end_report(session, report.id, ReportState.CANCELLED)
    session.refresh(report)
    assert report.state is ReportState.DONE


def test_a_report_that_does_not_exist_has_nothing_left_to_do(
    session: Session, report: Report
) -> None:
    session.delete(report)
    session.flush()
    assert not add_next_day(session, report.id)
