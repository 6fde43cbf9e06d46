"""Sending orders without a pause, while servers come and go."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Self

import dramatiq

from barback.errors import BrokerUnavailable

if TYPE_CHECKING:
    from barback import RedisBroker

#: The pause between two orders, in seconds.
PAUSE_SECONDS = 0.002


class Sending:
    """Sends one order after another in a thread of its own.

    Parameters:
      broker: Where to.
      queue_name: The queue.
      actor_name: The actor, whose only argument is the order's number.
      confirm: What each send waits for; it may be changed meanwhile.
    """

    def __init__(
        self, broker: RedisBroker, queue_name: str, actor_name: str, *, confirm: str | None
    ) -> None:
        self.confirm = confirm
        #: The orders that were confirmed, and those that were not.
        self.confirmed: list[int] = []
        self.refused: list[int] = []
        #: The longest time between two confirmed orders, in seconds.
        self.longest_gap_seconds = 0.0
        self._broker = broker
        self._queue_name = queue_name
        self._actor_name = actor_name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        for number in itertools.count(1):
            if self._stop.wait(PAUSE_SECONDS):
                return
            order = dramatiq.Message[None](self._queue_name, self._actor_name, (number,), {}, {})
            try:
                self._broker.enqueue(order, confirm=self.confirm)
            except BrokerUnavailable:
                self.refused.append(number)
                continue
            self.confirmed.append(number)
            now = time.monotonic()
            self.longest_gap_seconds = max(self.longest_gap_seconds, now - last)
            last = now
