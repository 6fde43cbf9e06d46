"""The sales of a month as bars, one for each day.

Widths are percentages and heights are pixels, so that the chart fits every screen while its
letters keep their size.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from menu import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from database.reports import ReportLine

PLOT_HEIGHT = 200
MAX_GRID_LINES = 5

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
    height: int = PLOT_HEIGHT

    @classmethod
    def of(cls, month: dt.date, days_total: int, lines: Iterable[ReportLine]) -> Chart:
        by_day: dict[dt.date, list[ReportLine]] = defaultdict(list)
        for line in lines:
            by_day[line.day].append(line)
        highest = max((_revenue(day) for day in by_day.values()), default=0)
        step = _grid_step(highest)
        lines_up = max(1, math.ceil(highest / step))
        top = step * lines_up
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
                (Money(step * number), PLOT_HEIGHT * (1 - number / lines_up))
                for number in range(lines_up + 1)
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


def _grid_step(highest: int) -> int:
    """A round amount of which a few make up the highest bar."""
    power = 100
    while True:
        for factor in (1, 2, 5):
            if power * factor * MAX_GRID_LINES >= highest:
                return power * factor
        power *= 10
