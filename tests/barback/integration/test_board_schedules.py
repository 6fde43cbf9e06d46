"""Schedules that a program keeps itself, on its board."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from barback.board import Schedule
from tests.support.board import BoardClient, send

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

NOON = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)


def test_they_are_shown_with_their_times_and_states(broker: RedisBroker) -> None:
    def schedules(_at_most: int) -> Iterable[Schedule]:
        yield Schedule("a1", "coffee", "each day", last=NOON, is_missed=True)
        yield Schedule("a2", "beer", "on fridays", next=NOON, is_missed=False)
        yield Schedule("a3", "<b>tea</b>\n\u202e", "never", note="paused")

    client = BoardClient(broker, schedules=schedules)

    page = client.get("/schedules").text
    for text in ("each day", "missed: does its scheduler run?", "2026-06-10 12:00:00", "on time"):
        assert text in page
    assert "&lt;b&gt;tea&lt;/b&gt;" in page
    assert "\u202e" not in page
    assert "Run now" not in page
    others = client.json("/schedules")["others"]
    assert [each["is_late"] for each in others] == [True, False, None]
    assert others[1]["next"] == NOON.timestamp()


def test_one_is_run_now_by_whoever_may(broker: RedisBroker) -> None:
    def schedules(_at_most: int) -> list[Schedule]:
        return [
            Schedule("a1", "coffee", "each day", run_now=lambda: send(broker, "a1")),
            Schedule("a2", "beer", "each day", run_now=lambda: None),
            Schedule("a3", "tea", "each day"),
        ]

    client = BoardClient(broker, schedules=schedules)

    run = [client.post("/schedules/run", data={"schedule": each}) for each in ("a1", "a2", "a3")]
    assert run[0].headers["location"] == "/schedules?did=run&count=1"
    assert run[1].headers["location"] == "/schedules?did=run&count=0"
    assert run[2].status_code == 404
    assert broker.queue_length("beer") == 1

    for refusing in (
        BoardClient(broker, schedules=schedules, read_only=True),
        BoardClient(broker, schedules=schedules, authorize=lambda _, action: action == "view"),
    ):
        assert refusing.post("/schedules/run", data={"schedule": "a1"}).status_code == 403
    assert broker.queue_length("beer") == 1


def test_of_very_many_the_board_asks_for_no_more_than_it_shows(broker: RedisBroker) -> None:
    asked: list[int] = []

    def schedules(at_most: int) -> Iterator[Schedule]:
        asked.append(at_most)
        for number in range(10**9):
            yield Schedule(str(number), "coffee", "each day")

    client = BoardClient(broker, schedules=schedules)

    assert len(client.json("/schedules")["others"]) == 200
    assert "These are 200; there are more." in client.get("/schedules").text
    assert set(asked) == {201}


def test_a_program_that_cannot_tell_them_leaves_the_rest_of_the_page(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def schedules(_at_most: int) -> list[Schedule]:
        raise OSError("the database is away")

    client = BoardClient(broker, schedules=schedules)
    page = client.get("/schedules")

    assert page.status_code == 200
    assert "The program cannot tell its schedules: the database is away" in page.text
    assert "No scheduler has sent a tick yet." in page.text
    # An open page asks all the time: that is said once.
    client.get("/schedules")
    assert caplog.text.count("Interrupted: the program's schedules") == 1


def test_one_that_cannot_be_run_says_why(broker: RedisBroker) -> None:
    def fail() -> None:
        raise OSError("the database is away")

    client = BoardClient(broker, schedules=lambda _: [Schedule("a1", "tea", "now", run_now=fail)])

    answer = client.post("/schedules/run", data={"schedule": "a1"})

    assert answer.status_code == 502
    assert "could not run &#39;a1&#39;: the database is away" in answer.text


def test_a_program_that_keeps_none_has_no_place_for_them(broker: RedisBroker) -> None:
    assert "Other schedules" not in BoardClient(broker).get("/schedules").text
    none = BoardClient(broker, schedules=lambda _at_most: [])
    assert "The program keeps none." in none.get("/schedules").text
