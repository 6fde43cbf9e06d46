"""The sales of a month as bars, one for each day.

Widths are percentages and heights are pixels, so that the chart fits every screen while its
letters keep their size.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from database.menu import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from database.reports import ReportLine

PLOT_HEIGHT = 200
GRID_LINES = 4

#: How much of its share of the width a bar takes.
_BAR_SHARE = 0.72


@dataclass(frozen=True)
class Bar:
    """One drink on one day."""

    drink: str
    sold: int
    revenue: Money
    y: float
    height: float


@dataclass(frozen=True)
class Day:
    date: dt.date
    x: float
    width: float
    bars: list[Bar]


@dataclass(frozen=True)
class Chart:
    days: list[Day]
    #: Amounts at the grid lines, and how far from the top each line is.
    grid: list[tuple[Money, float]]
    drinks: list[str]

    @classmethod
    def of(cls, month: dt.date, days_total: int, lines: Iterable[ReportLine]) -> Chart:
        by_day: dict[dt.date, list[ReportLine]] = defaultdict(list)
        for line in lines:
            by_day[line.day].append(line)
        top = _round_up(max((_revenue(day) for day in by_day.values()), default=0))
        dates = [month + dt.timedelta(days=number) for number in range(days_total)]
        width = 100 / days_total
        return cls(
            days=[
                Day(
                    date=date,
                    x=width * (number + (1 - _BAR_SHARE) / 2),
                    width=width * _BAR_SHARE,
                    bars=_stack(by_day.get(date, []), top),
                )
                for number, date in enumerate(dates)
            ],
            grid=[
                (Money(top * step // GRID_LINES), PLOT_HEIGHT * (1 - step / GRID_LINES))
                for step in range(1, GRID_LINES + 1)
            ],
            drinks=sorted({line.drink for day in by_day.values() for line in day}),
        )


def _stack(lines: list[ReportLine], top: int) -> list[Bar]:
    """Bars upon one another, the first one at the bottom."""
    bars: list[Bar] = []
    y = float(PLOT_HEIGHT)
    for line in lines:
        height = PLOT_HEIGHT * line.revenue_minor / top
        y -= height
        bars.append(Bar(line.drink, line.sold, line.revenue, y, height))
    return bars


def _revenue(lines: list[ReportLine]) -> int:
    return sum(line.revenue_minor for line in lines)


def _round_up(minor: int) -> int:
    """The next amount that divides nicely into grid lines, at least 4.00."""
    step = 400
    while True:
        for factor in (1, 2, 5):
            if step * factor >= minor:
                return step * factor
        step *= 10
