"""What actors of a test did."""

from __future__ import annotations

import threading
from typing import Any

from tests.support.polling import eventually


class Effects:
    """A list of what was done, that can be waited for."""

    def __init__(self) -> None:
        self._done: list[Any] = []
        self._lock = threading.Lock()

    def add(self, what: Any) -> None:
        with self._lock:
            self._done.append(what)

    @property
    def all(self) -> list[Any]:
        with self._lock:
            return self._done.copy()

    def wait_for(self, count: int, *, timeout_seconds: float | None = None) -> list[Any]:
        """Wait until so much was done, and return it."""
        eventually(
            lambda: len(self.all) >= count,
            timeout_seconds=timeout_seconds,
            complaint=lambda: f"{len(self.all)} of {count} effects were seen: {self.all!r:.500}",
        )
        return self.all
