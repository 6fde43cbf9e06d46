"""Time zones: the names that everybody knows, on whatever machine.

A system's own zone files hold more, such as Debian's ``posix/Europe/Lisbon`` and ``localtime``. The
next machine lacks those, or means something else by them, so they are not accepted.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from zoneinfo import ZoneInfo

from barback.cron import InvalidSchedule
from translations import gettext as _


@functools.cache
def timezone_names() -> frozenset[str]:
    """The names of the IANA's time zone database, as of the installed ``tzdata``."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@functools.cache
def timezone_names_by_region() -> dict[str, list[str]]:
    """The same, sorted: ``{"Africa": ["Africa/Abidjan", …], …, "Other": ["UTC", …]}``."""
    regions: dict[str, list[str]] = {}
    for name in sorted(timezone_names(), key=lambda name: ("/" not in name, name)):
        region, slash, _ = name.partition("/")
        regions.setdefault(region if slash else "Other", []).append(name)
    return regions


def find_timezone(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
      InvalidSchedule: There is none of this name.
    """
    if name not in timezone_names():
        raise InvalidSchedule(
            _(
                "no time zone is called %(name)s; an IANA name is expected, such as Europe/Lisbon",
                name=repr(name),
            )
        )
    return ZoneInfo(name)
