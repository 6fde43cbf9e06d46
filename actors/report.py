"""Queue ``reports``: the month in figures. Long work, with progress that survives its worker."""

from __future__ import annotations

import logging
import time
import uuid

import dramatiq

from database.engine import writing
from database.reports import add_next_day
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
    logger.info("Working on report %s.", report_id)
    while _next_day(uuid.UUID(report_id)):
        time.sleep(settings.report_day_seconds)
    logger.info("Nothing is left to do for report %s.", report_id)


def _next_day(report_id: uuid.UUID) -> bool:
    with writing() as session:
        return add_next_day(session, report_id)
