from __future__ import annotations

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from database.reports import ReportLine
from web.reports.chart import PLOT_HEIGHT, Chart

MAY = dt.date(2026, 5, 1)
REVENUES = st.lists(st.integers(min_value=0, max_value=10**9), min_size=31, max_size=31)


def line(day: int, drink: str, revenue_minor: int) -> ReportLine:
    return ReportLine(
        report_id=uuid.uuid4(),
        day=MAY + dt.timedelta(days=day),
        drink=drink,
        currency="EUR",
        sold=1,
        revenue_minor=revenue_minor,
    )


@given(beers=REVENUES, coffees=REVENUES)
def test_every_bar_is_inside_of_the_chart(beers: list[int], coffees: list[int]) -> None:
    # Given any revenues of a month
    lines = [line(day, "beer", minor) for day, minor in enumerate(beers)]
    lines += [line(day, "coffee", minor) for day, minor in enumerate(coffees)]

    # When they are drawn
    chart = Chart.of(MAY, 31, lines)

    # Expect bars that stand upon one another, within the plot
    for day in chart.days:
        assert 0 <= day.x <= day.x + day.width <= 100
        beer, coffee = day.bars
        assert abs(beer.y + beer.height - PLOT_HEIGHT) < 1e-6
        assert abs(coffee.y + coffee.height - beer.y) < 1e-6
        assert coffee.y >= -1e-6


def test_a_month_without_sales_has_a_chart_without_bars() -> None:
    chart = Chart.of(MAY, 31, [])
    assert len(chart.days) == 31
    assert not any(day.bars for day in chart.days)
