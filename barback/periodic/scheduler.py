"""Sends the ticks of periodic actors, each once, whatever else sends them too.

A tick is claimed and its message enqueued in one atomic step of Redis (``enqueue_once``, with a
token of actor and minute): a scheduler that dies has done both or neither. What the time is, the
Redis server says.
"""

from __future__ import annotations

import datetime as dt
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

import redis

from barback.errors import BrokerUnavailable
from barback.heartbeat import Heartbeat
from barback.periodic.clock import server_now
from barback.periodic.middleware import rounded
from barback.periodic.plan import ON_TIME, Plan
from barback.periodic.record import TickRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import dramatiq

    from barback import RedisBroker

#: The longest between two looks. A clock that somebody sets right is noticed within this time.
LOOK_INTERVAL = dt.timedelta(seconds=5)

#: How long to wait after Redis failed, in seconds.
RETRY_INTERVAL_SECONDS = 1.0

#: How long the token of a tick is kept beyond the time at which it could still be sent.
TOKEN_MARGIN = dt.timedelta(days=1)

#: The name under which health checks find this program.
PROGRAM = "periodiq"


class TickScheduler:
    """Has the constructor, ``schedule`` and ``loop`` of ``periodiq.Scheduler``.

    Parameters:
      actors: Actors with the option ``periodic``, all of one :class:`barback.RedisBroker`.
      now: The time; that of the Redis server unless given.
      wait: Waits a number of seconds, or until the scheduler is to stop, and tells whether it is.
    """

    def __init__(
        self,
        actors: Iterable[dramatiq.Actor[Any, Any]],
        *,
        now: Callable[[], dt.datetime] | None = None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.plans = {actor: plan for actor in actors if (plan := Plan.of(actor))}
        self.broker: RedisBroker = next(iter(self.plans)).broker  # type: ignore[assignment]
        self.record = TickRecord(self.broker.client, self.broker.namespace)
        self.heartbeat = Heartbeat(self.broker.client, self.broker.namespace, PROGRAM)
        self.logger = logging.getLogger(__name__)
        self._now = now or (lambda: server_now(self.broker.client))
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._is_looping = False
        self._broker_is_away = False
        self._stop_on_signals()

    def schedule(self) -> None:
        """``periodiq`` calls this once, before :meth:`loop`, which does it all."""

    def loop(self) -> None:
        """Send ticks until SIGTERM or SIGINT."""
        self._is_looping = True
        while not self._wait(self._look_or_complain()):
            pass
        self.logger.info("Stopped; ticks that nobody sends meanwhile are seen to at next start.")

    def look(self) -> dt.timedelta:
        """Send what is due; return how long until there is anything to do.

        Raises:
          BrokerUnavailable, redis.RedisError: What was not sent is due at the next look.
        """
        now = self._now()
        names = [actor.actor_name for actor in self.plans]
        watched = self.record.watched_until(names)
        for actor, plan in self.plans.items():
            self._send_due(actor, plan, watched.get(actor.actor_name, _before_minute(now)), now)
        self.record.looked(names, now)
        self.heartbeat.beat(now)
        return min(
            [LOOK_INTERVAL, *(plan.schedule.next_after(now) - now for plan in self.plans.values())]
        )

    def _look_or_complain(self) -> float:
        try:
            pause_seconds = self.look().total_seconds()
        except (BrokerUnavailable, redis.RedisError) as error:
            if not self._broker_is_away:
                self.logger.warning("Redis is away (%s); ticks wait until it is back.", error)
            self._broker_is_away = True
            return RETRY_INTERVAL_SECONDS
        if self._broker_is_away:
            self.logger.warning("Redis is back.")
        self._broker_is_away = False
        return pause_seconds

    def _send_due(
        self,
        actor: dramatiq.Actor[Any, Any],
        plan: Plan,
        since: dt.datetime,
        now: dt.datetime,
    ) -> None:
        due = plan.due(since, now)
        if due.dropped_since is not None:
            self.logger.warning(
                "%s: nobody sent its ticks since %s, and its policy (catch_up=%r, grace %s) "
                "leaves some of them out.",
                actor.actor_name,
                due.dropped_since.isoformat(),
                plan.catch_up,
                plan.grace,
            )
        for tick in due.to_send:
            self._send(actor, tick, ttl=plan.grace + TOKEN_MARGIN, late_by=now - tick)

    def _send(
        self,
        actor: dramatiq.Actor[Any, Any],
        tick: dt.datetime,
        *,
        ttl: dt.timedelta,
        late_by: dt.timedelta,
    ) -> None:
        message = actor.message_with_options(scheduled_at=tick.isoformat())
        sent = self.broker.enqueue_once(
            message,
            token=f"tick:{actor.actor_name}:{tick.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}",
            ttl_seconds=int(ttl.total_seconds()),
        )
        if sent is None:
            self.logger.debug("%s: another scheduler sent %s.", actor.actor_name, tick)
            return
        self.record.sent(actor.actor_name, tick)
        if late_by < ON_TIME:
            self.logger.info("%s: sent the tick of %s.", actor.actor_name, tick.isoformat())
        else:
            self.logger.warning(
                "%s: sent the tick of %s now, %s late: nobody had sent it.",
                actor.actor_name,
                tick.isoformat(),
                rounded(late_by),
            )

    def _stop_on_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self._stop.set()
        if not self._is_looping:  # periodiq sleeps up to 5 s before it starts the loop
            raise SystemExit(0)


def _before_minute(now: dt.datetime) -> dt.datetime:
    """Before the first look of all nothing was missed, save what this very minute has due."""
    return now.replace(second=0, microsecond=0) - dt.timedelta.resolution
