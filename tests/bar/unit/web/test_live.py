"""Following what happens: one look for all who watch."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

from web import live
from web.live import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.sse import ServerSentEvent


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(live, "_looks", asyncio.Semaphore(live.MAX_LOOKS))


class Report:
    """Something that takes three looks to be final."""

    def __init__(self) -> None:
        self.looks = 0

    def render(self) -> tuple[str, bool]:
        self.looks += 1
        return f"{min(self.looks, 3)} of 3", self.looks >= 3


async def watch(key: str, report: Report) -> list[ServerSentEvent]:
    return [event async for event in follow(key, report.render)]


def test_a_hundred_who_watch_one_thing_cost_as_much_as_one() -> None:
    async def watch_together() -> list[list[ServerSentEvent]]:
        return await asyncio.gather(*(watch("report", report) for _ in range(100)))

    # Given something that many people watch at once
    report = Report()
    streams = asyncio.run(watch_together())
    # Expect it to be looked at until it is final, once for all of them
    assert report.looks == 3
    # and all to be told of its end
    for stream in streams:
        assert stream[-2].raw_data == "3 of 3"
        assert stream[-1].event == "end"


def test_nothing_is_looked_at_once_nobody_watches() -> None:
    looks = 0

    def render() -> tuple[str, bool]:
        nonlocal looks
        looks += 1
        return str(looks), False

    async def leave_after_the_first() -> int:
        events = follow("orders", render)
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        seen = looks
        await asyncio.sleep(0.1)  # ten looks, if there were any
        return looks - seen

    assert asyncio.run(leave_after_the_first()) <= 1
    assert not live._watches


def test_a_stream_ends_after_a_while_so_that_who_may_see_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given something that is never final, quiet or not
    monkeypatch.setattr(live, "STREAM_SECONDS", 0.1)
    numbers = itertools.count()

    async def until_it_ends(render: Callable[[], tuple[str, bool]]) -> list[ServerSentEvent]:
        async with asyncio.timeout(20):
            return [event async for event in follow("orders", render)]

    for render in (lambda: ("the same", False), lambda: (str(next(numbers)), False)):
        # Expect its stream to end, without saying that nothing more comes
        events = asyncio.run(until_it_ends(render))
        assert {event.event for event in events} == {"update"}
        assert not live._watches


def test_a_look_that_fails_ends_the_streams_and_the_next_one_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def watch_twice() -> list[list[ServerSentEvent]]:
        def fail() -> tuple[str, bool]:
            raise OSError("the database is away")

        failed = [event async for event in follow("report", fail)]
        return [failed, await watch("report", Report())]

    failed, recovered = asyncio.run(watch_twice())
    assert failed == []
    assert recovered[-1].event == "end"
    assert "the database is away" in caplog.text
