"""What schedulers remember in Redis: until when each actor's ticks were seen to."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from barback.cron import CronSchedule, cron
from barback.periodic.clock import as_ms, from_ms
from barback.store.records import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

#: How long what a scheduler has told is believed.
BELIEVED = dt.timedelta(days=1)


@dataclass(frozen=True)
class AnnouncedPlan:
    """When an actor is sent, as a scheduler has told.

    Parameters:
      actor_name: The actor.
      queue_name: Its queue.
      schedule: Its schedule.
    """

    actor_name: str
    queue_name: str
    schedule: CronSchedule


class TickRecord:
    """The record of one broker's ticks.

    It need not be exact. A scheduler that dies before it writes here leaves it behind the truth,
    and the ticks that are then tried again are refused by their tokens.

    - ``<namespace>:__ticks__:watched``, a hash: actor → until when its ticks were seen to.
    - ``<namespace>:__ticks__:sent``, a hash: actor → its last tick that was sent.
    - ``<namespace>:__ticks__:plans``, a hash: actor → its queue and schedule, as JSON, and when a
      scheduler said so, for those who look and do not know the actors.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self._watched_key = f"{namespace}:__ticks__:watched"
        self._sent_key = f"{namespace}:__ticks__:sent"
        self._plans_key = f"{namespace}:__ticks__:plans"

    def watched_until(self, actor_names: Iterable[str]) -> dict[str, dt.datetime]:
        """Until when each actor was looked after; actors that never were are missing."""
        names = list(actor_names)
        values = cast("list[bytes | None]", self.client.hmget(self._watched_key, names))
        times = zip(names, map(from_ms, values), strict=True)
        return {name: moment for name, moment in times if moment}

    def sent(self, actor_name: str, tick: dt.datetime) -> None:
        self.client.hset(self._sent_key, actor_name, as_ms(tick))

    def looked(self, actor_names: Iterable[str], now: dt.datetime) -> None:
        """Remember that all ticks until now were seen to."""
        self.client.hset(self._watched_key, mapping=dict.fromkeys(actor_names, as_ms(now)))

    def last_ticks(self) -> dict[str, dt.datetime]:
        """The last tick of each actor that was sent."""
        values = cast("dict[bytes, bytes]", self.client.hgetall(self._sent_key))
        times = ((name.decode(errors="replace"), from_ms(value)) for name, value in values.items())
        return {name: tick for name, tick in times if tick}

    def announce(self, plans: Iterable[AnnouncedPlan], now: dt.datetime) -> None:
        """Tell which actors are sent when."""
        texts = {
            plan.actor_name: json.dumps(
                {
                    "queue_name": plan.queue_name,
                    "spec": plan.schedule.spec,
                    "timezone": plan.schedule.timezone,
                    "at_ms": as_ms(now),
                }
            )
            for plan in plans
        }
        self.client.hset(self._plans_key, mapping=cast("dict[Any, Any]", texts))

    def announced(self, now: dt.datetime) -> dict[str, AnnouncedPlan]:
        """What schedulers have told in the last day, by actor."""
        values = cast("dict[bytes, bytes]", self.client.hgetall(self._plans_key))
        plans = (_read_plan(name, text, now) for name, text in values.items())
        return {plan.actor_name: plan for plan in plans if plan is not None}


def _read_plan(name: bytes, text: bytes, now: dt.datetime) -> AnnouncedPlan | None:
    """None for what is too old, or was written by somebody else."""
    try:
        fields = read_record(text)
        if as_ms(now) - fields["at_ms"] > BELIEVED.total_seconds() * 1000:
            return None
        schedule = cron(fields["spec"], timezone=fields["timezone"])
        return AnnouncedPlan(name.decode(errors="replace"), str(fields["queue_name"]), schedule)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
