"""A clock that tests set."""

from __future__ import annotations

import datetime as dt


class VirtualClock:
    """Passed where the time is asked for (``now``) and where it is waited for (``wait``)."""

    def __init__(self, now: str) -> None:
        self._now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self._now

    def set(self, now: str) -> None:
        self._now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def advance(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)
