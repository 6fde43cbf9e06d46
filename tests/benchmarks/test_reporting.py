"""What the benchmark makes of what was recorded."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.harness.records import Delivery, Record, Records
from benchmarks.parts import PARTS
from benchmarks.parts.drain import rate
from benchmarks.parts.part import Figure, Measurements
from benchmarks.parts.pickup import PICKUP_P50
from benchmarks.parts.throughput import DRAIN_1
from benchmarks.report.charts import charts
from benchmarks.report.markdown import key_figures, results_page
from benchmarks.report.pages import (
    BEGIN,
    END,
    newest_result,
    pages,
    read_result,
    replace_generated,
)
from benchmarks.report.result import ReportError, Result

if TYPE_CHECKING:
    from pathlib import Path

MILLISECOND_NS = 1_000_000


def write_records(directory: Path, pid: int, *message_ids: int) -> None:
    numbers = [number for each in message_ids for number in (each, 0, each * MILLISECOND_NS)]
    (directory / f"{pid}.records").write_bytes(array("q", numbers).tobytes())


def result_of(**figures_by_system: dict[str, Any]) -> Result:
    """A result as a run writes it."""
    return Result(
        {
            "started_at": "2026-01-02T03:04:05+00:00",
            "seconds": 60,
            "command": "python -m benchmarks run",
            "commit": "abc",
            "repeats": 2,
            "quick": False,
            "machine": {
                "processor": "x",
                "cores": 2,
                "memory_gigabytes": 8,
                "distribution": "x",
                "python": "x",
            },
            "server": {"name": "valkey", "version": "9", "persistence": "none"},
            "failures": [],
            "systems": {
                name: {
                    "label": f"<{name}>",
                    "settings": "x",
                    "versions": {"x": "1"},
                    "messages_per_process": 1_000,
                    "delivery": {"sent": 1_000, "lost": 0, "duplicated": 0},
                    "figures": figures,
                }
                for name, figures in figures_by_system.items()
            },
        }
    )


def kept(value: float) -> list[float]:
    """A figure of two repeats that agree."""
    return [value, value, value, 2]


def test_a_result_keeps_the_middle_of_all_the_range_of_the_repeats_and_the_number() -> None:
    repeats: list[Measurements] = [
        {"rate": 100.04, "waits": [1.0, 2.0, 3.0]},
        {"rate": 300.0, "waits": [7.0, 8.0, 9.0]},
        {},
    ]

    assert Figure("rate", "rate").condense(repeats) == [200.0, 100.0, 300.0, 2]
    assert Figure("waits", "wait", 50).condense(repeats) == [3.0, 2.0, 8.0, 6]
    assert Figure("other", "other").condense(repeats) is None


def test_a_figure_that_a_system_cannot_have_keeps_the_reason() -> None:
    figure = Figure("rate", "rate")

    assert figure.condense([{"rate": "not supported: why"}]) == "not supported: why"


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
    assert Records(tmp_path).delivery(range(2)) == Delivery(sent=2)


def test_a_drain_counts_from_when_every_process_is_at_work() -> None:
    # Given a process that takes a message each millisecond, and one that comes in at 100 ms
    first = [Record(1, at, 0, at * MILLISECOND_NS) for at in range(300)]
    second = [Record(2, at, 0, at * MILLISECOND_NS) for at in range(100, 300)]
    records = sorted([*first, *second], key=lambda record: record.started_ns)

    # Expect the rate of both together
    assert rate(records) == pytest.approx(2_000, rel=0.02)


def test_no_two_figures_have_the_same_name() -> None:
    names = [figure.name for part in PARTS.values() for figure in part.figures]

    assert len(names) == len(set(names))


def test_ours_is_compared_with_the_best_of_those_that_are_not_barback() -> None:
    result = result_of(
        ours={"drain_1_per_second": kept(1_000), "pickup_20_ms_p50": kept(1.0)},
        older={"drain_1_per_second": kept(900), "pickup_20_ms_p50": kept(0.5)},
        stock={"drain_1_per_second": kept(100), "pickup_20_ms_p50": kept(9.0)},
        huey={"drain_1_per_second": kept(200), "pickup_20_ms_p50": kept(2.0)},
    )

    assert result.best_other(DRAIN_1) == "huey"
    assert result.times_as_good(DRAIN_1, "huey") == pytest.approx(5)
    # Less is better
    assert result.best_other(PICKUP_P50) == "huey"
    assert result.times_as_good(PICKUP_P50, "huey") == pytest.approx(2)


def test_a_system_that_failed_leaves_a_gap_in_the_report() -> None:
    # Given a system that got as far as one figure, and one that got nowhere
    result = result_of(
        ours={"drain_1_per_second": kept(1_234), "confirm_always_disk_send": "not supported: why"},
        stock={"send_per_second": kept(5)},
        huey={},
    )

    # Expect a report of what there is
    page = results_page(result, has_growth=False)
    assert result.figure("stock", DRAIN_1) is None
    assert "huey" not in result.systems
    assert "| drained by 1 process, /s | 1,230 | – |" in page  # noqa: RUF001 - as people read it
    assert "confirmed on disk, /s | not supported |" in page
    assert "**1,230**" in key_figures(result, "benchmarks")


def test_charts_are_well_formed_whatever_the_labels_and_the_same_each_time() -> None:
    result = result_of(
        ours={
            "drain_1_per_second": kept(1),
            "backlog_1000_per_second": kept(2),
            "backlog_100000_per_second": kept(3),
        }
    )

    drawn = charts(result)

    assert set(drawn) == {
        f"{name}.svg"
        for theme in ("light", "dark")
        for name in (f"comparison-{theme}", f"comparison-{theme}-zh", f"growth-{theme}")
    }
    assert "每秒处理的消息，1 个工作进程（越多越好）" in drawn["comparison-light-zh.svg"]
    for picture in drawn.values():
        assert "<ours>" in "".join(ET.fromstring(picture).itertext())  # noqa: S314 - our own
    assert charts(result) == drawn


def test_without_growth_there_is_no_chart_of_it() -> None:
    drawn = charts(result_of(ours={"drain_1_per_second": kept(1)}))

    assert all(name.startswith("comparison-") for name in drawn)


@pytest.mark.slow
def test_the_pages_show_the_newest_result() -> None:
    # Given what `make bench-report` would write of text
    made = pages(read_result(newest_result()))
    texts = {path: text for path, text in made.items() if path.suffix == ".md"}

    # Expect that it has been called since the newest result, and every chart to be there
    assert {path.name for path in texts} == {"RESULTS.md", "README.md", "README.zh.md"}
    for path, text in texts.items():
        assert path.read_text() == text, f"{path.name} is stale: run `make bench-report`"
    assert all(path.exists() for path in made)


def test_the_generated_part_of_a_page_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    once = replace_generated(page, "new", name="page")

    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replace_generated(once, "new", name="page") == once


def test_a_page_without_a_place_for_the_report_is_an_error() -> None:
    with pytest.raises(ReportError, match="page lacks the marks"):
        replace_generated("no marks", "new", name="page")
