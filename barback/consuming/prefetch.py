"""How many messages a worker takes ahead of its threads."""

from __future__ import annotations

import time

#: The most messages that one process takes ahead from one queue.
MAX_MESSAGES = 1000

#: The most memory that messages taken ahead from one queue may use, in bytes of payload; each
#: thread may have one message whatever its size.
MAX_BYTES = 4 * 1024 * 1024

#: A window that is finished sooner than this, in seconds, is too small: the threads would wait for
#: Redis more than they work.
TOO_FAST_SECONDS = 0.020

#: A window that takes longer than this, in seconds, is too large: its last message could have
#: been running elsewhere.
TOO_SLOW_SECONDS = 0.080


class PrefetchWindow:
    """A number of messages that follows the pace of the work.

    Dramatiq takes twice as many messages as there are threads. For a three-second beer that is
    plenty. For work of 50 µs it is gone in under a millisecond, so that every thread waits for the
    network most of the time. So the window doubles while it is used up within 20 ms, and halves
    with each 80 ms in which it is not: what waits in a worker's memory never waits long.

    Parameters:
      minimum: The number that Dramatiq asks for.
      is_fixed: Whether the user has set that number on purpose; then it never changes.
    """

    def __init__(self, minimum: int, *, is_fixed: bool) -> None:
        self.size = minimum
        self.minimum = minimum
        self._is_fixed = is_fixed
        self._finished = 0
        self._since = time.monotonic()

    @property
    def is_fast(self) -> bool:
        """Whether the work is so quick that messages are better handled in batches."""
        return self.size > self.minimum

    def room(self, held_messages: int, held_bytes: int) -> int:
        """How many messages may be taken beside those that are held."""
        if held_bytes >= MAX_BYTES and held_messages >= self.minimum // 2:
            return 0
        return max(self.size - held_messages, 0)

    def finished(self, count: int) -> None:
        """Note that messages were finished, or none, and resize when it is time."""
        if self._is_fixed:
            return
        self._finished += count
        now = time.monotonic()
        elapsed = now - self._since
        if elapsed > TOO_SLOW_SECONDS:
            self.size = max(self.size >> int(elapsed / TOO_SLOW_SECONDS), self.minimum)
        elif self._finished < self.size:
            return
        elif elapsed < TOO_FAST_SECONDS:
            self.size = max(self.minimum, min(self.size * 2, MAX_MESSAGES))
        self._finished = 0
        self._since = now
