"""How often somebody may do something in a minute.

Not by the package ``limits``: what it keeps in memory fails with an error when two threads count at
once, has a place for whoever ever came, and goes by a clock that can be set back.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long what was done counts, in seconds.
WINDOW_SECONDS = 60.0


class MovingWindow:
    """Counts, in this process's memory and in whichever thread.

    Parameters:
      most: How often each may in any minute.
      clock: Tells seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._forgets_at = clock() + WINDOW_SECONDS

    def __len__(self) -> int:
        """How many are remembered: those of the last two minutes at most."""
        return len(self._times)

    def hit(self, who: str) -> float | None:
        """Count one of somebody's, and return None; or, if it is one too many, do not count it and
        return in how many seconds it would not be.
        """
        with self._lock:
            now = self._clock()
            self._forget_those_who_stay_away(now)
            times = self._times.setdefault(who, deque())
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            if len(times) >= self._most:
                return times[0] + WINDOW_SECONDS - now
            times.append(now)
            return None

    def _forget_those_who_stay_away(self, now: float) -> None:
        if now < self._forgets_at:
            return
        self._forgets_at = now + WINDOW_SECONDS
        oldest = now - WINDOW_SECONDS
        self._times = {who: times for who, times in self._times.items() if times[-1] > oldest}
