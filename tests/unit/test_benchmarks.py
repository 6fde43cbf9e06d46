"""What the benchmark makes of what was recorded."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.figures.drain import rate
from benchmarks.goals import goals
from benchmarks.output.chart import chart
from benchmarks.output.markdown import full_report
from benchmarks.output.report import BEGIN, END, ReportError, replace_generated
from benchmarks.records import Delivery, Record, Records
from benchmarks.statistics import Spread, percentile, spread, spread_of_percentile
from benchmarks.summary import DRAIN_1, PICKUP_P50, Summary

if TYPE_CHECKING:
    from pathlib import Path

MILLISECOND_NS = 1_000_000


def write_records(directory: Path, pid: int, *message_ids: int) -> None:
    numbers = [number for each in message_ids for number in (each, 0, each * MILLISECOND_NS)]
    (directory / f"{pid}.records").write_bytes(array("q", numbers).tobytes())


def result_of(**runs_by_name: list[dict[str, Any]]) -> dict[str, Any]:
    """A result as a run writes it."""
    return {
        "started_at": "2026-01-02T03:04:05+00:00",
        "seconds": 60,
        "command": "python -m benchmarks run",
        "commit": "abc",
        "repeats": 2,
        "machine": {
            "processor": "x",
            "cores": 2,
            "memory_gigabytes": 8,
            "distribution": "x",
            "python": "x",
        },
        "server": {"name": "valkey", "version": "9", "persistence": "none"},
        "systems": {
            name: {
                "label": f"<{name}>",
                "settings": "x",
                "packages": ["x"],
                "versions": {"x": "1"},
                "runs": runs,
            }
            for name, runs in runs_by_name.items()
        },
    }


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_a_sample(percent: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


def test_a_percentile_is_of_all_repeats_and_its_range_of_each() -> None:
    assert spread_of_percentile([[1, 2, 3], [7, 8, 9]], 50) == Spread(3, 2, 8)


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)


def test_what_was_lost_and_what_ran_twice_is_counted(tmp_path: Path) -> None:
    # Given what two workers have run of the messages 0 to 4
    write_records(tmp_path, 11, 0, 1, 2)
    write_records(tmp_path, 12, 2, 4, 99)

    # Expect 3 to be missed, and 2 to be noticed; 99 belongs to something else
    assert Records(tmp_path).delivery(range(5)) == Delivery(sent=5, lost=1, duplicated=1)


def test_a_record_that_is_only_half_written_does_not_count_yet(tmp_path: Path) -> None:
    write_records(tmp_path, 11, 0, 1)
    with (tmp_path / "11.records").open("ab") as file:
        file.write(b"half")

    assert Records(tmp_path).count() == 2
    assert Records(tmp_path).delivery(range(2)).is_exact


def test_a_drain_counts_from_when_every_process_is_at_work() -> None:
    # Given a process that takes a message each millisecond, and one that comes in at 100 ms
    first = [Record(1, at, 0, at * MILLISECOND_NS) for at in range(300)]
    second = [Record(2, at, 0, at * MILLISECOND_NS) for at in range(100, 300)]
    records = sorted([*first, *second], key=lambda record: record.started_ns)

    # Expect the rate of both together
    assert rate(records) == pytest.approx(2_000, rel=0.02)


def test_goals_compare_with_the_best_other_system() -> None:
    # Given ours at 5 times the best other system
    summary = Summary(
        result_of(
            ours=[{"drain_1_per_second": 1_000.0}],
            stock=[{"drain_1_per_second": 100.0}],
            huey=[{"drain_1_per_second": 200.0}],
        )
    )

    # Expect the goals for that, and no goal that nothing was measured for
    found = {goal.wanted: (goal.measured, goal.is_reached) for goal in goals(summary)}
    assert found == {
        "≥ 9 × <stock>": ("10.00 ×", True),  # noqa: RUF001 - as people read it
        "≥ 4 × the best other (<huey>)": ("5.00 ×", True),  # noqa: RUF001
    }


def test_the_best_is_the_least_where_less_is_better() -> None:
    summary = Summary(
        result_of(
            ours=[{"pickup_20_ms": [1.0]}],
            stock=[{"pickup_20_ms": [9.0]}],
            huey=[{"pickup_20_ms": [2.0]}],
        )
    )

    assert summary.best_other(PICKUP_P50) == ("huey", 2.0)


def test_a_system_that_failed_leaves_a_gap_in_the_report() -> None:
    # Given a system that got as far as one figure, and one that got nowhere
    summary = Summary(
        result_of(
            ours=[{"drain_1_per_second": 1234.0}, {}],
            stock=[{"enqueue_per_second": 5.0}],
            huey=[{}],
        )
    )

    # Expect a report of what there is
    assert summary.value("stock", DRAIN_1) is None
    assert "huey" not in summary.systems
    assert "| **1,230** |" in full_report(summary, "chart.svg")


def test_the_chart_is_well_formed_whatever_the_labels() -> None:
    picture = ET.fromstring(chart(Summary(result_of(ours=[{"drain_1_per_second": 1.0}]))))  # noqa: S314

    assert "<ours>" in "".join(picture.itertext())


def test_the_generated_part_of_a_page_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    once = replace_generated(page, "new", name="page")

    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replace_generated(once, "new", name="page") == once


def test_a_page_without_a_place_for_the_report_is_an_error() -> None:
    with pytest.raises(ReportError, match="page lacks the marks"):
        replace_generated("no marks", "new", name="page")
