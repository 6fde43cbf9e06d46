"""Monthly reports, made day by day.

Every finished day is kept together with the report's progress in one transaction. That is what
lets a report survive its worker: whoever takes over goes on with the first day that is missing.
It is also what ends a cancelled report, since no day can be added to it any more.
"""

from __future__ import annotations

import calendar
import datetime as dt
import enum
import uuid

from sqlalchemy import BigInteger, ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, changed_rows, insert_or_find, text_enum, utc_now
from database.sales import bounds_of, sales_of_day
from menu import Money


class ReportState(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


#: States of a report that somebody works on or will.
ACTIVE_STATES = frozenset({ReportState.QUEUED, ReportState.RUNNING})


class Report(Base):
    __tablename__ = "reports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    #: The first day of the month.
    month: Mapped[dt.date]
    #: The month while the report is active, else None. Unique: one active report a month.
    active_month: Mapped[dt.date | None] = mapped_column(unique=True)
    state: Mapped[ReportState] = mapped_column(text_enum(ReportState))
    days_done: Mapped[int] = mapped_column(default=0)
    requested_at: Mapped[dt.datetime] = mapped_column(index=True)
    finished_at: Mapped[dt.datetime | None]

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

    @property
    def days_total(self) -> int:
        return calendar.monthrange(self.month.year, self.month.month)[1]

    @property
    def share(self) -> float:
        """How much is done, between 0 and 1."""
        return self.days_done / self.days_total

    @property
    def title(self) -> str:
        return f"{self.month:%B %Y}"


class ReportLine(Base):
    """One drink's sales on one day, in one report."""

    __tablename__ = "report_lines"

    report_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Report.id), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    drink: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    sold: Mapped[int]
    revenue_minor: Mapped[int] = mapped_column(BigInteger)

    @property
    def revenue(self) -> Money:
        return Money(self.revenue_minor, self.currency)


def request_report(session: Session, month: dt.date) -> tuple[Report, bool]:
    """The active report of a month and whether it is new: there is at most one."""
    month = month.replace(day=1)
    return insert_or_find(
        session,
        Report,
        select(Report).where(Report.active_month == month),
        id=uuid.uuid4(),
        month=month,
        active_month=month,
        state=ReportState.QUEUED,
        days_done=0,
        requested_at=utc_now(),
    )


def active_report_count(session: Session) -> int:
    query = select(func.count()).select_from(Report).where(Report.active_month.is_not(None))
    return session.scalar(query) or 0


def active_reports(session: Session, *, before: dt.datetime) -> list[Report]:
    """Reports asked for before then that somebody works on, or should."""
    query = select(Report).where(Report.active_month.is_not(None), Report.requested_at < before)
    return list(session.scalars(query))


def has_complete_report(session: Session, month: dt.date) -> bool:
    """Whether a report that was asked for after the end of the month is done or being made."""
    _, end_of_month = bounds_of(_last_day(month))
    query = select(Report.id).where(
        Report.month == month.replace(day=1),
        Report.state.in_(ACTIVE_STATES | {ReportState.DONE}),
        Report.requested_at >= end_of_month,
    )
    return session.scalar(query.limit(1)) is not None


def _last_day(month: dt.date) -> dt.date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def latest_reports(session: Session, *, limit: int = 12) -> list[Report]:
    return list(
        session.scalars(select(Report).order_by(Report.requested_at.desc(), Report.id).limit(limit))
    )


def lines_of(session: Session, report_id: uuid.UUID) -> list[ReportLine]:
    query = (
        select(ReportLine)
        .where(ReportLine.report_id == report_id)
        .order_by(ReportLine.day, ReportLine.drink, ReportLine.currency)
    )
    return list(session.scalars(query))


def add_next_day(session: Session, report_id: uuid.UUID) -> bool:
    """Sum up the report's next day; return False when there is nothing left to do.

    Two workers on the same report do not disturb each other: the second one finds that the day
    it began with is done, adds nothing, and goes on with the next.
    """
    report = session.get(Report, report_id, populate_existing=True)
    if report is None or not report.is_active:
        return False
    if report.days_done == report.days_total:
        end_report(session, report_id, ReportState.DONE)
        return False
    if _advance(session, report):
        _add_lines(session, report, report.month + dt.timedelta(days=report.days_done))
    return True


def _advance(session: Session, report: Report) -> bool:
    advance = (
        update(Report)
        .where(
            Report.id == report.id,
            Report.state.in_(ACTIVE_STATES),
            Report.days_done == report.days_done,
        )
        .values(days_done=report.days_done + 1, state=ReportState.RUNNING)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(session, advance) == 1


def _add_lines(session: Session, report: Report, day: dt.date) -> None:
    session.add_all(
        ReportLine(
            report_id=report.id,
            day=day,
            drink=drink,
            currency=revenue.currency,
            sold=sold,
            revenue_minor=revenue.minor,
        )
        for drink, sold, revenue in sales_of_day(session, day)
    )


def end_report(session: Session, report_id: uuid.UUID, state: ReportState) -> bool:
    """Move an active report to a final state; return False when it was not active."""
    end = (
        update(Report)
        .where(Report.id == report_id, Report.state.in_(ACTIVE_STATES))
        .values(state=state, active_month=None, finished_at=utc_now())
    )
    return changed_rows(session, end) == 1
