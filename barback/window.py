"""How many messages a worker takes ahead of its threads."""

from __future__ import annotations

import time

#: The most messages that one process takes ahead from one queue.
MAX_MESSAGES = 1000

#: The most memory that messages taken ahead may use, in bytes of payload.
MAX_BYTES = 4 * 1024 * 1024

#: A window that is finished sooner than this, in seconds, is too small: the threads would wait for
#: Redis more than they work.
TOO_FAST_SECONDS = 0.020

#: A window that takes longer than this, in seconds, is too large: its last message could have
#: been running elsewhere.
TOO_SLOW_SECONDS = 0.080


class Window:
    """A number of messages that follows the pace of the work.

    Dramatiq takes twice as many messages as there are threads. For a three-second beer that is
    plenty. For work of 50 µs it is gone in under a millisecond, so that every thread waits for the
    network most of the time. So the window doubles while it is used up within 20 ms, and halves
    when it lasts longer than 80 ms: what waits in a worker's memory never waits long.

    Parameters:
      minimum: The number that Dramatiq asks for.
      is_fixed: Whether the user has set that number on purpose; then it never changes.
    """

    def __init__(self, minimum: int, *, is_fixed: bool) -> None:
        self.size = minimum
        self._minimum = minimum
        self._is_fixed = is_fixed
        self._finished = 0
        self._since = time.monotonic()
        self._bytes_per_message = 0.0

    @property
    def is_fast(self) -> bool:
        """Whether the work is so quick that messages are better handled in batches."""
        return self.size > self._minimum

    def took(self, payload_bytes: int, count: int) -> None:
        """Note that messages were taken."""
        average = payload_bytes / count
        self._bytes_per_message += (average - self._bytes_per_message) * 0.2

    def finished(self, count: int) -> None:
        """Note that messages were finished, and resize when a windowful is."""
        self._finished += count
        if self._is_fixed or self._finished < self.size:
            return
        now = time.monotonic()
        elapsed = now - self._since
        self._finished = 0
        self._since = now
        if elapsed < TOO_FAST_SECONDS:
            self.size = min(self.size * 2, self._limit())
        elif elapsed > TOO_SLOW_SECONDS:
            self.size = max(self.size // 2, self._minimum)

    def _limit(self) -> int:
        by_bytes = int(MAX_BYTES / max(self._bytes_per_message, 1))
        return max(self._minimum, min(MAX_MESSAGES, by_bytes))
