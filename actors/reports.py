"""Queue ``reports``: the month in figures. Long work, with progress that survives its worker."""

from __future__ import annotations

import logging
import uuid

import dramatiq

from actors.serving import take_time
from barback.control import progress
from barback.printable import printable
from database.engine import writing
from database.reports import Report, add_next_day
from settings import settings

MAX_RETRIES = 5
MIN_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 60_000

#: A month has 31 days at most; summing up one of them may take a minute.
TIME_LIMIT_MS = int(31 * (settings.report_day_seconds + 60) * 1000)


@dramatiq.actor(
    queue_name="reports",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=TIME_LIMIT_MS,
)
def make_report(report_id: str) -> None:
    """Add the days that are missing, one by one, until the report is complete or cancelled."""
    logger = logging.getLogger("bar.report")
    logger.info("Working on report %s.", printable(report_id))
    while report := _next_day(uuid.UUID(report_id)):
        progress(report.days_done, report.days_total, report.title)
        take_time(settings.report_day_seconds)
    logger.info("Nothing is left to do for report %s.", printable(report_id))


def report_message(report_id: uuid.UUID) -> dramatiq.Message[None]:
    """The message that has a report made. It has the id of the report, by which it is cancelled."""
    return make_report.message(str(report_id)).copy(message_id=str(report_id))


def _next_day(report_id: uuid.UUID) -> Report | None:
    """Add a day, and tell how far the report is; None when there is nothing left to do."""
    with writing() as session:
        if not add_next_day(session, report_id):
            return None
        report = session.get_one(Report, report_id, populate_existing=True)
        session.expunge(report)
        return report
