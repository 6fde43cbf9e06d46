from __future__ import annotations

import pytest

from barback.consuming import prefetch as window
from barback.consuming.prefetch import MAX_BYTES, MAX_MESSAGES, PrefetchWindow


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(window, "time", clock)
    return clock


def work(each: PrefetchWindow, clock: Clock, *, windows: int, seconds_per_window: float) -> None:
    for _ in range(windows):
        clock.now += seconds_per_window
        each.finished(each.size)


def test_quick_work_widens_the_window_up_to_a_limit(clock: Clock) -> None:
    each = PrefetchWindow(16, is_fixed=False)

    work(each, clock, windows=3, seconds_per_window=0.001)
    assert each.size == 128
    assert each.is_fast

    work(each, clock, windows=20, seconds_per_window=0.001)
    assert each.size == MAX_MESSAGES


def test_slow_work_narrows_it_to_what_was_asked_for(clock: Clock) -> None:
    each = PrefetchWindow(16, is_fixed=False)
    work(each, clock, windows=3, seconds_per_window=0.001)

    work(each, clock, windows=10, seconds_per_window=1.0)

    assert each.size == 16
    assert not each.is_fast


def test_a_pause_narrows_it_to_what_was_asked_for(clock: Clock) -> None:
    each = PrefetchWindow(16, is_fixed=False)
    work(each, clock, windows=20, seconds_per_window=0.001)

    clock.now += 1.0
    each.finished(0)

    assert each.size == 16


def test_what_is_not_finished_in_time_narrows_it_meanwhile(clock: Clock) -> None:
    each = PrefetchWindow(16, is_fixed=False)
    work(each, clock, windows=3, seconds_per_window=0.001)

    clock.now += 0.1
    each.finished(1)

    assert each.size == 64


def test_steady_work_leaves_it_alone(clock: Clock) -> None:
    each = PrefetchWindow(16, is_fixed=False)

    work(each, clock, windows=20, seconds_per_window=0.05)

    assert each.size == 16


def test_large_messages_leave_no_room_beyond_one_for_each_thread() -> None:
    each = PrefetchWindow(8, is_fixed=False)

    assert each.room(held_messages=3, held_bytes=MAX_BYTES) == 5
    assert each.room(held_messages=4, held_bytes=MAX_BYTES) == 0
    assert each.room(held_messages=4, held_bytes=MAX_BYTES - 1) == 4


def test_a_fixed_window_never_changes(clock: Clock) -> None:
    each = PrefetchWindow(3, is_fixed=True)

    work(each, clock, windows=20, seconds_per_window=0.001)

    assert each.size == 3
