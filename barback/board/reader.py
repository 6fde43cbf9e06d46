"""One reader for all who look: however many boards are open, Redis is asked once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from redis import RedisError

from barback.board.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from barback.board.snapshot import Snapshot

#: How long a snapshot serves everybody who asks, in seconds.
FRESH_SECONDS = 1.0

#: How often open boards hear of news, in seconds.
NEWS_SECONDS = 2.0


class SharedReader:
    """Takes a snapshot when somebody looks, and none while nobody does.

    Parameters:
      take: Takes a snapshot.
    """

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take
        self._lock = threading.Lock()
        self._latest: Snapshot | RedisError | None = None
        self._fresh_until = 0.0
        self._is_outdated = False
        self._listeners = 0

    def snapshot(self) -> Snapshot:
        """A snapshot that is a second old at the most. Called on any thread.

        Raises:
          redis.RedisError: When the server cannot be asked, or just could not. Those who have
            waited for the one who asked do not wait as long again, one after the other.
        """
        with self._lock:
            if self._latest is None or time.monotonic() >= self._fresh_until:
                self._is_outdated = False
                try:
                    self._latest = self._take()
                except RedisError as error:
                    self._latest = error
                self._fresh_until = time.monotonic() + FRESH_SECONDS
                if self._is_outdated:  # something was changed while it was taken
                    self._fresh_until = 0.0
            if isinstance(self._latest, RedisError):
                raise self._latest.with_traceback(None)
            return self._latest

    def forget(self) -> None:
        """Look anew the next time: somebody has just changed something."""
        self._is_outdated = True
        self._fresh_until = 0.0

    async def news(self) -> AsyncIterator[Snapshot]:
        """A snapshot every two seconds, for as long as somebody listens.

        All listeners wake at the same multiples of two seconds, so they get the same one.
        """
        self._listeners += 1
        try:
            while True:
                yield await in_thread(self.snapshot)
                await asyncio.sleep(NEWS_SECONDS - time.monotonic() % NEWS_SECONDS)
        finally:
            self._listeners -= 1

    @property
    def listeners(self) -> int:
        return self._listeners
