"""The options of periodic actors, and the fate of a tick that a worker gets to late."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from dramatiq import Middleware
from dramatiq.middleware import SkipMessage

from barback.durations import duration_in_words
from barback.periodic.clock import broker_now
from barback.periodic.plan import ACTOR_OPTIONS, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import dramatiq


class Periodic(Middleware):
    """Takes the place of ``periodiq.PeriodiqMiddleware``.

    A tick that reaches a worker later than its actor's grace is skipped with a warning. A retry
    runs, however late: its tick was on time when it was tried first.

    Parameters:
      now: The time by which lateness is judged; that of the broker's server unless given.
    """

    def __init__(self, now: Callable[[], dt.datetime] | None = None) -> None:
        self.logger = logging.getLogger(__name__)
        self._now = now

    @property
    def actor_options(self) -> set[str]:
        return set(ACTOR_OPTIONS)

    def before_declare_actor(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        actor: dramatiq.Actor[Any, Any],
    ) -> None:
        Plan.of(actor)  # a wrong one ends the import

    def before_process_message(
        self, broker: dramatiq.Broker, message: dramatiq.MessageProxy
    ) -> None:
        actor = broker.actors.get(message.actor_name)
        plan = None if actor is None else Plan.of(actor)
        tick = scheduled_time(message)
        if plan is None or tick is None or message.options.get("retries", 0) > 0:
            return
        late_by = (self._now() if self._now else broker_now(broker)) - tick
        if late_by > plan.grace:
            self.logger.warning(
                "%s: the tick of %s is skipped: a worker gets to it %s late, and its grace is %s.",
                message.actor_name,
                tick.isoformat(),
                duration_in_words(late_by.total_seconds()),
                duration_in_words(plan.grace.total_seconds()),
            )
            raise SkipMessage


def scheduled_time(message: dramatiq.Message[Any] | dramatiq.MessageProxy) -> dt.datetime | None:
    """The tick that a message was sent for, or None when a person or a program sent it."""
    try:
        tick = dt.datetime.fromisoformat(message.options["scheduled_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return None if tick.tzinfo is None else tick  # ours have a zone; without it, it is anybody's
