"""How templates write drinks, amounts and times, in the language of whoever reads them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from barback.i18n import formats
from database.base import utc_now
from translations import gettext as _
from translations import gettext_noop, look_up

if TYPE_CHECKING:
    from jinja2 import Environment

    from menu import Money

#: As they are in the data. A drink that somebody adds keeps its own name until it is translated.
_DRINKS = (gettext_noop("beer"), gettext_noop("coffee"))

#: The first parts of the names of time zones.
_REGIONS = (
    gettext_noop("Africa"),
    gettext_noop("America"),
    gettext_noop("Antarctica"),
    gettext_noop("Arctic"),
    gettext_noop("Asia"),
    gettext_noop("Atlantic"),
    gettext_noop("Australia"),
    gettext_noop("Brazil"),
    gettext_noop("Canada"),
    gettext_noop("Chile"),
    gettext_noop("Etc"),
    gettext_noop("Europe"),
    gettext_noop("Indian"),
    gettext_noop("Mexico"),
    gettext_noop("Other"),
    gettext_noop("Pacific"),
    gettext_noop("US"),
)

_MINUTE = dt.timedelta(minutes=1)


def install(environment: Environment) -> None:
    """Give templates these filters."""
    environment.filters |= {
        "ago": _ago,
        "date_part": formats.by_skeleton,
        "drink_name": look_up,
        "money": _money,
        "month": _month,
        "number": formats.number,
        "percent": formats.percent,
        "region_name": look_up,
        "timezone_name": formats.timezone,
        "weekday": formats.weekday,
    }


def _ago(time: dt.datetime) -> str:
    age = utc_now() - time
    if age < _MINUTE:
        return _("just now")
    if age < dt.timedelta(days=1):
        return _("%(duration)s ago", duration=formats.duration(age // _MINUTE * 60))
    return formats.date(time)


def _money(money: Money) -> str:
    return formats.money(money.amount, money.currency)


def _month(first_day: dt.date) -> str:
    return formats.by_skeleton(first_day, "yMMMM")
