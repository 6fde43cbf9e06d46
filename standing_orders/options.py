"""What people type on the command line, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from barback.cron import InvalidSchedule, cron
from standing_orders.reading import read_interval, read_time
from timezones import find_timezone

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable


class Interval(click.ParamType[Any]):
    """``90m``, ``1h30m``: from a second to a year."""

    name = "interval"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        try:
            return read_interval(value)
        except InvalidSchedule as error:
            self.fail(str(error), param, ctx)


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


def _cron_in_one_piece(text: str) -> None:
    """A shell takes apart what has spaces and no quotes: this, and the value of `--at`."""
    try:
        cron(text)
    except InvalidSchedule as error:
        hint = "" if " " in text else ' Put quotes around what has spaces: "0 8 * * mon-fri".'
        raise InvalidSchedule(f"{error}{hint}") from None


is_cron = checked(_cron_in_one_piece)
is_timezone = checked(find_timezone)


def point_in_time(text: str | None, timezone: str) -> dt.datetime | None:
    """Read ``--at``: a wall-clock time of a time zone that is still to come.

    Raises:
      click.BadParameter: It cannot be read, is in the past or too far ahead.
    """
    if text is None:
        return None
    try:
        return read_time(text, timezone)
    except InvalidSchedule as error:
        raise click.BadParameter(str(error), param_hint="--at") from None
