"""A connection that does not work, and the patience to wait for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

#: The first and the longest pause between two attempts, in seconds.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

#: How often the log is told that the trouble goes on, in seconds.
REPORT_SECONDS = 30.0


class Trouble:
    """Counts the attempts and keeps the log short.

    Parameters:
      logger: Where to report.
      what: What is in trouble, for the log.
    """

    def __init__(self, logger: Logger, what: str) -> None:
        self.is_on = False
        self._logger = logger
        self._what = what
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._since = 0.0
        self._report_at = 0.0

    def report(self, error: Exception) -> None:
        """Note a failed attempt."""
        now = time.monotonic()
        if not self.is_on:
            self.is_on = True
            self._since = self._report_at = now
            self._pause_seconds = FIRST_PAUSE_SECONDS
        else:
            self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._logger.warning(
                "Redis does not serve %s: %s. Trying again until it does.", self._what, error
            )

    def wait(self) -> None:
        """Wait before the next attempt."""
        time.sleep(self._pause_seconds)

    def end(self) -> None:
        """Note that it works again."""
        self.is_on = False
        self._logger.info(
            "Redis serves %s again, after %.1f s.", self._what, time.monotonic() - self._since
        )
