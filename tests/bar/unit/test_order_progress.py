from __future__ import annotations

import io

import dramatiq
import pytest
from dramatiq.results import ResultFailure
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from barback.results import Outcome
from order_progress import PlainDisplay, Summary, collect, print_summaries, table

MESSAGE: dramatiq.Message[object] = dramatiq.Message(
    queue_name="beer", actor_name="serve_a_beer", args=(), kwargs={}, options={}
)


def served(waited_ms: int = 0, by: str = "bar:1") -> Outcome:
    return Outcome(MESSAGE, {"waited_ms": waited_ms, "served_by": by}, None)


def failed(reason: str) -> Outcome:
    return Outcome(MESSAGE, None, ResultFailure(reason))


def render(summary: Summary) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(table([summary]))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_summary_counts_what_was_served_what_failed_and_what_is_left() -> None:
    summary = Summary("beer", ordered=4)

    for outcome in [served(), served(), failed("keg empty")]:
        summary.add(outcome, delay_ms=0)

    assert (summary.served, summary.failed, summary.outstanding) == (2, 1, 1)
    assert summary.errors == {"keg empty": 1}


@pytest.mark.parametrize("result", [None, "a beer", {"order_id": "1"}])
def test_an_order_whose_actor_returns_something_else_is_served(result: object) -> None:
    summary = Summary("beer", ordered=1)

    summary.add(Outcome(MESSAGE, result, None), delay_ms=0)

    assert (summary.served, summary.outstanding) == (1, 0)
    assert "–" in render(summary)  # noqa: RUF001


@given(waits_ms=st.lists(st.integers(0, 10**6), min_size=1), percent=st.integers(1, 100))
def test_so_many_percent_did_not_wait_longer_than_the_percentile(
    waits_ms: list[int], percent: int
) -> None:
    summary = Summary("beer", ordered=len(waits_ms), waits_ms=waits_ms)

    wait_ms = summary.wait_ms(percent)

    assert wait_ms in waits_ms
    assert sum(w <= wait_ms for w in waits_ms) * 100 >= percent * len(waits_ms)


def test_a_queue_of_which_nothing_was_served_has_no_waiting_time() -> None:
    assert Summary("beer", ordered=1).wait_ms(50) is None
    assert "–" in render(Summary("beer", ordered=1))  # noqa: RUF001


def test_an_asked_for_delay_is_no_waiting() -> None:
    summary = Summary("beer", ordered=1)
    summary.add(served(waited_ms=5_020), delay_ms=5_000)
    assert summary.waits_ms == [20]


@pytest.mark.parametrize(
    ("waited_ms", "shown"), [(0, "0 ms"), (999, "999 ms"), (1_240, "1.2 s"), (125_000, "2 min 5 s")]
)
def test_times_are_written_for_people(waited_ms: int, shown: str) -> None:
    assert shown in render(Summary("beer", ordered=1, waits_ms=[waited_ms]))


def test_a_long_list_of_workers_is_cut() -> None:
    summary = Summary("beer", ordered=10)
    for number in range(10):
        summary.add(served(by=f"bar:{number}"), delay_ms=0)
    assert "and 6 more" in render(summary)


def test_what_workers_say_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    # Given what is markup, clears a screen or begins a line of its own
    evil = "[/etc/x]\x1b]0;owned\x07\nERROR forged"
    summary = Summary("beer", ordered=2)
    for outcome in (failed(evil), served(by=evil)):
        summary.add(outcome, delay_ms=0)

    print_summaries([summary])

    for shown in capsys.readouterr():
        assert r"[/etc/x]\x1b]0;" in shown
        assert not {"\x1b", "\x07"} & set(shown)


def test_plain_progress_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary("beer", ordered=1000)

    collect(([served()] for _ in range(1000)), [summary], PlainDisplay(), delay_ms=0)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[-1] == "beer    1000/1000 done"
