"""What people type on the command line, checked."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from barback.cron import InvalidSchedule, cron, find_timezone

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_INTERVAL = dt.timedelta(days=366)

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_INTERVAL = re.compile(r"(?:\d{1,8}[smhd])+", re.ASCII)


class Interval(click.ParamType[Any]):
    """``90m``, ``1h30m``: from a second to a year."""

    name = "interval"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        text = value.replace(" ", "").lower()
        parts = re.findall(r"(\d+)([smhd])", text) if _INTERVAL.fullmatch(text) else []
        seconds = sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts)
        if not 1 <= seconds <= MAX_INTERVAL.total_seconds():
            self.fail(
                f"expected a time such as 45s, 90m, 1h30m or 2d, from 1s to {MAX_INTERVAL.days}d, "
                f"got {value!r}.",
                param,
                ctx,
            )
        return seconds


def checked(check: Callable[[str], object]) -> Callable[..., str | None]:
    """A click callback that passes a value on if the check raises no InvalidSchedule."""

    def callback(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        try:
            if value is not None:
                check(value)
        except InvalidSchedule as error:
            raise click.BadParameter(str(error)) from None
        return value

    return callback


is_cron = checked(cron)
is_timezone = checked(find_timezone)


def point_in_time(text: str | None, timezone: str) -> dt.datetime | None:
    """Read ``--at``: a wall-clock time of a time zone that is still to come.

    Raises:
      click.BadParameter: It cannot be read, or is over.
    """
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected a time such as '2027-01-01 09:00', got {text!r}.", param_hint="--at"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    if moment <= dt.datetime.now(dt.UTC):
        raise click.BadParameter(f"{text} ({timezone}) is over.", param_hint="--at")
    return moment.astimezone(dt.UTC)
