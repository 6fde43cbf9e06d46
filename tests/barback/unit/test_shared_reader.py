"""All boards that are open read the same snapshot, and none is taken while none is open."""

from __future__ import annotations

import asyncio

import pytest
import redis

from barback.board.reader import SharedReader
from barback.board.snapshot import Snapshot


class Taker:
    """Takes empty snapshots, and counts them."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> Snapshot:
        self.taken += 1
        return Snapshot(float(self.taken), [], [], [], [])


async def _listen(reader: SharedReader, rounds: int) -> list[float]:
    heard: list[float] = []
    async for snapshot in reader.news():
        heard.append(snapshot.taken_at)
        if len(heard) == rounds:
            return heard
    return heard


def test_ten_open_boards_cost_what_one_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barback.board.reader.NEWS_SECONDS", 0.2)
    monkeypatch.setattr("barback.board.reader.FRESH_SECONDS", 0.1)
    taker = Taker()
    reader = SharedReader(taker.take)

    async def listen_ten_times() -> None:
        await asyncio.gather(*(_listen(reader, 4) for _ in range(10)))

    asyncio.run(listen_ten_times())

    # Ten apart would have taken forty; a busy machine may stretch a round into several.
    assert taker.taken <= 20


def test_nothing_is_read_before_somebody_looks() -> None:
    taker = Taker()
    reader = SharedReader(taker.take)
    assert taker.taken == 0

    assert reader.snapshot() is reader.snapshot()

    assert taker.taken == 1


def test_after_a_change_the_next_look_is_a_new_one() -> None:
    taker = Taker()
    reader = SharedReader(taker.take)
    before = reader.snapshot()

    reader.forget()

    assert reader.snapshot() is not before


def test_a_look_that_was_under_way_during_a_change_is_not_shown_after_it() -> None:
    taker = Taker()

    def take_while_something_is_changed() -> Snapshot:
        snapshot = taker.take()
        if taker.taken == 1:
            reader.forget()
        return snapshot

    reader = SharedReader(take_while_something_is_changed)
    before = reader.snapshot()

    after = reader.snapshot()

    assert after is not before
    assert reader.snapshot() is after


def test_a_look_that_failed_has_failed_for_those_who_come_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("barback.board.reader.FRESH_SECONDS", 3600.0)
    taker = Taker()

    def fail_once() -> Snapshot:
        if taker.taken == 0:
            taker.taken += 1
            raise redis.ConnectionError("no answer")
        return taker.take()

    reader = SharedReader(fail_once)

    for _ in range(3):
        with pytest.raises(redis.ConnectionError, match="no answer"):
            reader.snapshot()
    assert taker.taken == 1
    # Somebody has changed something: it answers again.
    reader.forget()
    assert reader.snapshot().taken_at == 2.0
