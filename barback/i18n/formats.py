"""Numbers, durations and dates as the language that is spoken now writes them."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING

from babel.dates import format_date, format_skeleton, get_timezone_location
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from barback.durations import duration_in_words, duration_parts
from barback.i18n.language import ENGLISH, language

if TYPE_CHECKING:
    import datetime as dt

    from babel import Locale

_UNITS = {
    "d": "duration-day",
    "h": "duration-hour",
    "min": "duration-minute",
    "s": "duration-second",
    "ms": "duration-millisecond",
}


def number(value: float) -> str:
    """``12,345``"""
    return format_decimal(value, locale=language().locale)


def percent(share: float) -> str:
    """``45%``, of a share between 0 and 1."""
    return format_percent(share, locale=language().locale)


def money(amount: str, currency: str) -> str:
    """``€4.50``, of an amount with two decimal places."""
    return format_currency(
        Decimal(amount), currency, locale=language().locale, currency_digits=False
    )


def duration(seconds: float) -> str:
    """``3 h 20 min``: in English with the same symbols as in logs and on the command line."""
    if language() is ENGLISH:
        return duration_in_words(seconds)
    locale = language().locale
    return "".join(
        format_unit(count, _UNITS[unit], "short", locale=locale)
        for count, unit in duration_parts(seconds)
    )


def seconds(value: float) -> str:
    """``1.0 s``: seconds to a tenth, to be compared."""
    if language() is ENGLISH:
        return f"{value:.1f} s"
    return format_unit(value, _UNITS["s"], "short", format="#,##0.0", locale=language().locale)


def date(day: dt.date) -> str:
    """``8 March 2027``"""
    return format_date(day, "long", locale=language().locale)


def by_skeleton(moment: dt.date, skeleton: str) -> str:
    """The parts of a date that a CLDR skeleton names, in the order of the language: ``yMMMM`` is
    ``March 2027``.
    """
    return format_skeleton(skeleton, moment, locale=language().locale)


def weekday(number: int) -> str:
    """``Mon``, of the days of a week counted from Monday, 0."""
    return str(language().locale.days["stand-alone"]["abbreviated"][number])


def timezone(name: str) -> str:
    """An IANA name, and the city where that is written otherwise: ``Asia/Shanghai 上海``."""
    if language() is ENGLISH:
        return name.replace("_", " ")
    return _timezone(name, language().locale)


@functools.cache
def _timezone(name: str, locale: Locale) -> str:
    shown = name.replace("_", " ")
    city = get_timezone_location(name, locale=locale, return_city=True) if "/" in name else ""
    return shown if city.isascii() else f"{shown} {city}"
