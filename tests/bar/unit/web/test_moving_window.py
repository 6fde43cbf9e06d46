"""How often somebody may do something in a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from web.moving_window import MovingWindow


@dataclass
class Clock:
    """Shows what a test says."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_who_has_done_enough_is_told_when_there_is_more() -> None:
    # Given somebody who has done twice what is allowed twice in a minute
    clock = Clock()
    window = MovingWindow(2, clock)
    assert window.hit("ada") is None
    clock.seconds += 20
    assert window.hit("ada") is None
    # Expect the next to be one too many until the first is a minute old, and not to count itself
    clock.seconds += 10
    assert window.hit("ada") == 30
    assert window.hit("ada") == 30
    assert window.hit("bob") is None
    clock.seconds += 30
    assert window.hit("ada") is None
    assert window.hit("ada") == 20


def test_many_threads_at_once_get_what_is_allowed_and_no_error() -> None:
    window = MovingWindow(1_000, Clock())
    with ThreadPoolExecutor(16) as threads:
        waits = list(threads.map(lambda _: window.hit("all"), range(2_000)))
    assert waits.count(None) == 1_000


def test_nobody_is_remembered_who_stays_away() -> None:
    # Given a thousand who came once
    clock = Clock()
    window = MovingWindow(2, clock)
    for number in range(1_000):
        window.hit(f"guest {number}")
    # When a minute later somebody else comes
    clock.seconds += 61
    window.hit("ada")
    # Expect those to be forgotten, and her not to be
    assert len(window) == 1
