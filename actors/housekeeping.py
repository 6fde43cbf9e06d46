"""Queue ``housekeeping``: what the house does by the clock. ``periodiq actors`` sends it.

Each of these is safe to run twice, as any message can be. The day or month that an actor works on
is that of its tick, not of the moment at which a worker gets to it.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
import time
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import dramatiq
from dramatiq.errors import ConnectionFailed
from dramatiq.middleware import CurrentMessage

from actors import lost_work
from actors.failures import record
from actors.reports import report_message
from barback.connection.outage import Outage
from barback.cron import cron
from barback.outbox import Outbox
from barback.periodic import scheduled_time
from database.daily_sales import close_day
from database.engine import AWAY_ERRORS, engine, writing
from database.outbox import outbox
from database.reports import has_complete_report, request_report
from settings import settings

if TYPE_CHECKING:
    from barback.sending.once import OnceBroker
    from barback.store.store import HasStore

QUEUE = "housekeeping"
DAY_SECONDS = 86_400

#: Long enough for a database that is away to come back.
MAX_RETRIES = 10
MIN_BACKOFF_MS = 5_000
MAX_BACKOFF_MS = 600_000

logger = logging.getLogger("bar.housekeeping")

_sweeping = Outage(logger, "sweeping the outbox", expected=(*AWAY_ERRORS, ConnectionFailed))


@dramatiq.actor(
    queue_name=QUEUE,
    periodic=cron("0 4 * * *", timezone=settings.bar_timezone),
    catch_up="all",  # each night closes a day of its own
    grace_seconds=31 * DAY_SECONDS,
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
)
def close_the_till() -> None:
    """Write down what yesterday brought in."""
    day = _date_of_tick() - dt.timedelta(days=1)
    with writing() as session:
        takings = close_day(session, day)
    what = ", ".join(f"{it.sold} {it.drink} for {it.revenue}" for it in takings)
    logger.info("Closed the till of %s: %s.", day, what or "nothing was sold")


@dramatiq.actor(
    queue_name=QUEUE,
    periodic=cron("0 6 1 * *", timezone=settings.bar_timezone),
    catch_up="once",
    grace_seconds=28 * DAY_SECONDS,
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
)
def report_last_month() -> None:
    """Have the report of last month made, unless somebody has asked for it already."""
    month = (_date_of_tick().replace(day=1) - dt.timedelta(days=1)).replace(day=1)
    with writing() as session:
        if has_complete_report(session, month):
            logger.info("There is a report of %s already.", f"{month:%B %Y}")
            return
        report, is_new = request_report(session, month)
        if is_new:
            _messages().add(session, report_message(report.id))
    logger.info("The report of %s is on its way.", report.title)
    _messages().flush(engine())


@dramatiq.actor(
    queue_name=QUEUE,
    periodic=cron("0 9 * * sun", timezone=settings.bar_timezone),
    catch_up="once",
    grace_seconds=2 * DAY_SECONDS,
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
)
def clean_the_beer_lines() -> None:
    """Rinse the beer lines, which takes as long as a beer."""
    logger.info("Cleaning the beer lines.")
    time.sleep(settings.beer_seconds)
    logger.info("The beer lines are clean.")


@dramatiq.actor(
    queue_name=QUEUE,
    periodic=cron("* * * * *"),
    catch_up="skip",  # the next minute's does the work of all that were missed
    grace_seconds=60,
    max_retries=1,
)
def sweep_the_outbox() -> None:
    """Send what a website that died has left in the outbox."""
    try:
        swept = _messages().flush(engine())
    except (*AWAY_ERRORS, ConnectionFailed) as error:
        _sweeping.report(error)  # and leave no dead letter for each minute of an outage
        return
    _sweeping.end()
    if swept:
        logger.info("Messages left in the outbox that were sent: %d.", swept)


@dramatiq.actor(
    queue_name=QUEUE,
    periodic=cron("*/5 * * * *"),
    catch_up="skip",  # as above
    grace_seconds=300,
    max_retries=1,
)
def give_up_lost_work() -> None:
    """Mark orders and reports as failed whose messages were purged, cancelled or lost."""
    if lost := lost_work.give_up_lost_work(cast("HasStore", dramatiq.get_broker())):
        logger.warning("Orders and reports given up, as their messages are gone: %d.", lost)


@dramatiq.actor(
    queue_name=QUEUE,
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
)
def record_failure(
    actor_name: str,
    args: list[Any],
    kwargs: dict[str, Any],
    was_cancelled: bool,  # noqa: FBT001 - messages have it by place
) -> None:
    """Mark an order or a report as given up, once the database is back."""
    record(actor_name, args, kwargs, was_cancelled)


def _date_of_tick() -> dt.date:
    message = CurrentMessage.get_current_message()
    tick = scheduled_time(message) if message else None
    return (tick or dt.datetime.now(dt.UTC)).astimezone(ZoneInfo(settings.bar_timezone)).date()


def _messages() -> Outbox:
    return _outbox_to(dramatiq.get_broker())


@functools.lru_cache(maxsize=1)
def _outbox_to(broker: dramatiq.Broker) -> Outbox:
    # One, that knows of which rows the log was told.
    return Outbox(outbox, cast("OnceBroker", broker))
