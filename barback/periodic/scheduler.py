"""Sends the ticks of periodic actors, each once, whatever else sends them too.

A tick is claimed and its message enqueued in one atomic step of Redis (``enqueue_once``, with a
token of actor and minute): a scheduler that dies has done both or neither. What the time is, the
Redis server says.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

import redis
from dramatiq.errors import ConnectionFailed

from barback.connection.outage import Outage
from barback.connection.server import require_server
from barback.durations import duration_in_words
from barback.errors import AlreadyEnqueued
from barback.periodic.clock import server_now
from barback.periodic.liveness import Heartbeat
from barback.periodic.plan import ON_TIME, Plan
from barback.periodic.record import AnnouncedPlan, TickRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import dramatiq

    from barback.sending.once import ScheduleBroker

#: The longest between two looks. A clock that somebody sets right is noticed within this time.
LOOK_INTERVAL = dt.timedelta(seconds=5)

#: How long the token of a tick is kept beyond the time at which it could still be sent.
TOKEN_MARGIN = dt.timedelta(days=1)

#: How often, at the most, the log is told that an actor's ticks are on time.
TELL_INTERVAL = dt.timedelta(hours=1)

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
        self.broker: ScheduleBroker = next(iter(self.plans)).broker  # type: ignore[assignment]
        self.record = TickRecord(self.broker.client, self.broker.namespace)
        self._announced = [
            AnnouncedPlan(actor.actor_name, actor.queue_name, plan.schedule)
            for actor, plan in self.plans.items()
        ]
        self.heartbeat = Heartbeat(self.broker.client, self.broker.namespace, PROGRAM)
        self.logger = logging.getLogger(__name__)
        self._now = now or (lambda: server_now(self.broker.client))
        #: The tick of each actor that the log was told of last.
        self._told: dict[str, dt.datetime] = {}
        #: Since when ticks of each actor were left out that the log was told of last.
        self._told_dropped: dict[str, dt.datetime] = {}
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._is_looping = False
        self._outage = Outage(self.logger, "periodic actors")
        self._stop_on_signals()

    def schedule(self) -> None:
        """``periodiq`` calls this once, before :meth:`loop`, which does it all."""

    def loop(self) -> None:
        """Send ticks until SIGTERM or SIGINT."""
        self._is_looping = True
        if (error := require_server(self.broker.client)) is not None:
            self._outage.report(error)  # a silent server takes as long to be noticed once more
        while not self._wait(self._look_or_complain()):
            pass
        self.logger.info("Stopped. The next start deals with ticks that nobody sends meanwhile.")

    def look(self) -> dt.timedelta:
        """Send what is due; return how long until there is anything to do.

        Raises:
          Exception: What was not sent is due at the next look. One actor whose tick cannot be sent
        keeps no other from being sent.
        """
        now = self._now()
        names = [actor.actor_name for actor in self.plans]
        watched = self.record.watched_until(names)
        refused: Exception | None = None
        for actor, plan in self.plans.items():
            try:
                self._send_due(actor, plan, watched.get(actor.actor_name, _before_minute(now)), now)
            except (ConnectionFailed, redis.RedisError):
                raise
            except Exception as error:  # noqa: BLE001 - it is raised when the others are served
                names.remove(actor.actor_name)
                refused = error
        if names:
            self.record.looked(names, now)
        self.record.announce(self._announced, now)
        self.heartbeat.beat(now)
        if refused is not None:
            raise refused
        return min(
            [LOOK_INTERVAL, *(plan.schedule.next_after(now) - now for plan in self.plans.values())]
        )

    def _look_or_complain(self) -> float:
        try:
            pause_seconds = self.look().total_seconds()
        except Exception as error:  # noqa: BLE001 - one look that fails must not be the last
            self._outage.report(error)
            return self._outage.pause_seconds
        self._outage.end()
        return pause_seconds

    def _send_due(
        self,
        actor: dramatiq.Actor[Any, Any],
        plan: Plan,
        since: dt.datetime,
        now: dt.datetime,
    ) -> None:
        due = plan.due(since, now)
        # While the record of this look cannot be written, the next one finds the same again.
        if due.dropped_since not in {None, self._told_dropped.get(actor.actor_name)}:
            self._told_dropped[actor.actor_name] = due.dropped_since
            self.logger.warning(
                "%s: nobody sent its ticks since %s, and its policy (catch_up=%r, grace %s) "
                "leaves some of them out.",
                actor.actor_name,
                due.dropped_since.isoformat(),
                plan.catch_up,
                duration_in_words(plan.grace.total_seconds()),
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
        sent = None
        with contextlib.suppress(AlreadyEnqueued):  # there is nobody who wants to know
            sent = self.broker.enqueue_once(
                message,
                token=f"tick:{actor.actor_name}:{tick.astimezone(dt.UTC):%Y-%m-%dT%H:%MZ}",
                ttl_seconds=int(ttl.total_seconds()),
            )
        if sent is None:
            self.logger.debug("%s: %s was sent, or is not needed.", actor.actor_name, tick)
            return
        self.record.sent(actor.actor_name, tick)
        if late_by < ON_TIME:
            level = logging.DEBUG if self._was_told_lately(actor.actor_name, tick) else logging.INFO
            self.logger.log(level, "%s: sent the tick of %s.", actor.actor_name, tick.isoformat())
        else:
            self.logger.warning(
                "%s: sent the tick of %s now, %s late: nobody had sent it.",
                actor.actor_name,
                tick.isoformat(),
                duration_in_words(late_by.total_seconds()),
            )

    def _was_told_lately(self, actor_name: str, tick: dt.datetime) -> bool:
        told = self._told.get(actor_name)
        if told is not None and dt.timedelta() <= tick - told < TELL_INTERVAL:
            return True
        self._told[actor_name] = tick
        return False

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
