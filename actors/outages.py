"""Work that waits for the servers that it asks, as it waits for messages."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import redis
from dramatiq.errors import ConnectionFailed

from barback.connection.outage import Outage
from barback.errors import is_away
from barback.printable import first_line
from database.engine import AWAY_ERRORS
from database.errors import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

#: When work that a server has refused is tried again, in milliseconds.
PAUSE_MS = 10_000

#: How often that costs no retry: for an hour. An error that only looks like an outage is to end.
MAX_OUTAGES = 360


class DatabaseAway(dramatiq.Retry):
    """The database refuses whatever it is asked."""


class RedisAway(dramatiq.Retry):
    """Redis does, when an actor asks it: the lesson's keep their notes there."""


class OutlastOutages(dramatiq.Middleware):
    """Has work tried again until the server is back that it asks: without using up the retries of
    its message, and with a line in the log instead of a traceback for each attempt.

    It is added after Dramatiq's ``Retries``, which therefore count after it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outages: dict[str, Outage] = {}

    def before_declare_actor(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        actor: dramatiq.Actor[..., Any],
    ) -> None:
        actor.fn = _naming_outages(actor.fn)
        what = f"work of {actor.actor_name}"
        logger = logging.getLogger("bar.outages")
        self._outages[actor.actor_name] = Outage(logger, what, expected=(DatabaseAway, RedisAway))

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002 - the signature is Dramatiq's
        exception: BaseException | None = None,
    ) -> None:
        outage = self._outages.get(message.actor_name)
        if outage is None:
            return
        with self._lock:
            if isinstance(exception, (DatabaseAway, RedisAway)):
                outage.report(exception)
                _spare_retry(broker, message)
            elif exception is None:
                outage.end()


def _naming_outages(work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def work_or_wait(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except AWAY_ERRORS as error:
            reason = f"the database cannot be used: {reason_of(error)}"
            raise DatabaseAway(reason, delay=PAUSE_MS) from None
        except (redis.RedisError, ConnectionFailed) as error:
            if not is_away(error):
                raise
            raise RedisAway(f"Redis cannot be used: {first_line(error)}", delay=PAUSE_MS) from None

    return work_or_wait


def _spare_retry(broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
    """Take off the count what ``Retries`` are about to add, of work that has retries at all."""
    options = message.options
    options["outages"] = options.get("outages", 0) + 1
    of_actor = broker.get_actor(message.actor_name).options.get("max_retries")
    if options.get("max_retries", of_actor) != 0 and options["outages"] <= MAX_OUTAGES:
        options["retries"] = options.get("retries", 0) - 1
