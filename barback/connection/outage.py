"""A server that does not serve for a while: said once, tried again with growing pauses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import redis
from dramatiq.errors import ConnectionFailed
from redis.backoff import ExponentialBackoff

from barback.connection.incidents import incidents
from barback.durations import duration_in_words
from barback.printable import first_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

#: The first and the longest pause between two attempts, in seconds.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

#: What Redis and the network raise when they do not serve.
EXPECTED_ERRORS = (redis.RedisError, ConnectionFailed, OSError)

#: From here on every pause is the longest one, and a power of two would only grow.
_MAX_COUNTED_FAILURES = 16


class Outage:
    """The outage of what a loop needs, from its first failed attempt to the next success.

    Parameters:
      logger: Told once when an outage begins, and once when it is over.
      what: What is interrupted, for the log.
      wait: Waits a number of seconds before the next attempt.
      expected: The errors of an outage. Any other is a fault, logged with its traceback.
    """

    def __init__(
        self,
        logger: Logger,
        what: str,
        *,
        wait: Callable[[float], object] = time.sleep,
        expected: tuple[type[Exception], ...] = EXPECTED_ERRORS,
    ) -> None:
        self._logger = logger
        self._what = what
        self._wait = wait
        self._expected = expected
        self._backoff = ExponentialBackoff(cap=LONGEST_PAUSE_SECONDS, base=FIRST_PAUSE_SECONDS)
        self._failures = 0
        self._since = 0.0

    @property
    def is_on(self) -> bool:
        return self._failures > 0

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt."""
        return self._backoff.compute(min(self._failures - 1, _MAX_COUNTED_FAILURES))

    def report(self, error: Exception) -> None:
        """Note a failed attempt."""
        if not self.is_on:
            self._since = time.monotonic()
            incidents.note("interruption")
            self._logger.warning(
                "Interrupted: %s. Reason: %s. Trying again until it works.",
                self._what,
                first_line(error),
                exc_info=None if isinstance(error, self._expected) else error,
            )
        self._failures += 1

    def wait(self) -> None:
        """Wait before the next attempt."""
        self._wait(self.pause_seconds)

    def end(self) -> None:
        """Note a successful attempt; without an outage nothing happens."""
        if self.is_on:
            # As loud as its beginning: whoever saw that wants to know.
            lasted = duration_in_words(time.monotonic() - self._since)
            self._logger.warning("Resumed: %s, after %s.", self._what, lasted)
        self._failures = 0
