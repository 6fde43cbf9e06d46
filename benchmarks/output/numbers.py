"""Figures as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.summary import deliveries

if TYPE_CHECKING:
    from benchmarks.statistics import Spread
    from benchmarks.summary import Figure, Runs

#: Rates vary by some percent: more digits than these would be noise.
_DIGITS_OF_RATES = 3


def number_text(value: float, digits: int) -> str:
    if digits == 0 and abs(value) >= 10**_DIGITS_OF_RATES:
        value = float(f"{value:.{_DIGITS_OF_RATES}g}")
    return f"{value:,.{digits}f}"


def median_text(figure: Figure, found: Spread | None) -> str:
    return "–" if found is None else number_text(found.middle, figure.digits)


def range_text(figure: Figure, found: Spread) -> str:
    return f"{number_text(found.low, figure.digits)}…{number_text(found.high, figure.digits)}"


def delivery_text(runs: Runs) -> str:
    found = deliveries(runs)
    if not found["sent"]:
        return "–"
    if not found["lost"] and not found["duplicated"]:
        return "each once"
    return f"{found['lost']} lost, {found['duplicated']} twice"
