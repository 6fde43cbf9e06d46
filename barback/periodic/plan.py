"""Which of an actor's due ticks are sent: what its schedule, catch-up policy and grace say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from dramatiq.middleware import MiddlewareError

from barback.cron import CronSchedule

if TYPE_CHECKING:
    import dramatiq

#: What to do about ticks that were due while no scheduler could send them: nothing, send the
#: latest, or send each.
CatchUp = Literal["skip", "once", "all"]

DEFAULT_CATCH_UP: CatchUp = "once"

#: How late a tick may be and still be of use, in seconds.
DEFAULT_GRACE_SECONDS = 3600

#: A tick is on time for this long: until the next one of a schedule that has one each minute.
ON_TIME = dt.timedelta(minutes=1)

ACTOR_OPTIONS = frozenset({"periodic", "catch_up", "grace_seconds"})


class InvalidPlan(MiddlewareError):  # noqa: N818 - it names what is wrong
    """The ``periodic``, ``catch_up`` or ``grace_seconds`` option of an actor is wrong."""


@dataclass(frozen=True)
class Due:
    """Ticks to send, the oldest first, and the first of those that are not, if there is one."""

    to_send: list[dt.datetime]
    dropped_since: dt.datetime | None


@dataclass(frozen=True)
class Plan:
    schedule: CronSchedule
    catch_up: CatchUp = DEFAULT_CATCH_UP
    grace: dt.timedelta = dt.timedelta(seconds=DEFAULT_GRACE_SECONDS)

    @classmethod
    def of(cls, actor: dramatiq.Actor[Any, Any]) -> Self | None:
        """The plan in the options of an actor, or None when it is not periodic.

        Raises:
          InvalidPlan: The message shows the option that is wrong.
        """
        options = {name: actor.options[name] for name in ACTOR_OPTIONS & actor.options.keys()}
        if not options:
            return None
        try:
            return cls._checked(**options)
        except InvalidPlan as error:
            raise InvalidPlan(f"actor {actor.actor_name}: {error}") from None

    @classmethod
    def _checked(
        cls,
        *,
        periodic: object = None,
        catch_up: CatchUp = DEFAULT_CATCH_UP,
        grace_seconds: float = DEFAULT_GRACE_SECONDS,
    ) -> Self:
        if not isinstance(periodic, CronSchedule):
            raise InvalidPlan(f"expected periodic to be a barback.cron.cron(…), got {periodic!r}.")
        if catch_up not in get_args(CatchUp):
            raise InvalidPlan(
                f"expected catch_up to be one of {get_args(CatchUp)}, got {catch_up!r}."
            )
        if not isinstance(grace_seconds, int | float) or grace_seconds < ON_TIME.total_seconds():
            raise InvalidPlan(
                f"expected grace_seconds to be a number of at least "
                f"{ON_TIME.total_seconds():.0f}, got {grace_seconds!r}."
            )
        return cls(periodic, catch_up, dt.timedelta(seconds=grace_seconds))

    def due(self, since: dt.datetime, now: dt.datetime) -> Due:
        """Choose among the ticks later than ``since``, up to and including ``now``.

        However long nobody looked, no more ticks are computed than fit into the grace.
        """
        in_grace = list(self.schedule.between(max(since, now - self.grace), now))
        to_send = self._chosen(in_grace, now)
        dropped = (tick for tick in (self.schedule.next_after(since), *in_grace) if tick <= now)
        return Due(to_send, next((tick for tick in dropped if tick not in to_send), None))

    def _chosen(self, ticks: list[dt.datetime], now: dt.datetime) -> list[dt.datetime]:
        match self.catch_up:
            case "skip":
                return [tick for tick in ticks[-1:] if now - tick < ON_TIME]
            case "once":
                return ticks[-1:]
            case "all":
                return ticks
