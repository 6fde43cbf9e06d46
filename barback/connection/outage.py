"""A server that does not serve for a while: said once, tried again with growing pauses."""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING

import redis
from dramatiq.errors import ConnectionFailed
from redis.backoff import ExponentialBackoff

from barback.connection.incidents import incidents
from barback.connection.remedies import explained, remedy
from barback.durations import duration_in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

#: The first and the longest pause between two attempts, in seconds.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

#: What Redis and the network raise when they do not serve.
EXPECTED_ERRORS = (redis.RedisError, ConnectionFailed, OSError)

#: Those of them that mean that the server serves nobody, which all who ask find out by themselves.
SILENCE_ERRORS = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.ReadOnlyError,
    OSError,
)

#: From here on every pause is the longest one, and a power of two would only grow.
_MAX_COUNTED_FAILURES = 16


class Outage:
    """The outage of what a loop needs, from its first failed attempt to the next success.

    Several threads may need the same and share it: it is said once all the same.

    Parameters:
      logger: Told once when an outage begins, and once when it is over.
      what: What is interrupted, for the log.
      wait: Waits a number of seconds before the next attempt.
      expected: The errors of an outage. Any other is a fault, logged with its traceback.
      silence: Says in place of this outage that a server does not answer.
    """

    def __init__(
        self,
        logger: Logger,
        what: str,
        *,
        wait: Callable[[float], object] = time.sleep,
        expected: tuple[type[Exception], ...] = EXPECTED_ERRORS,
        silence: Silence | None = None,
    ) -> None:
        self._logger = logger
        self._what = what
        self._wait = wait
        self._expected = expected
        self._silence = silence
        self._is_silent = False
        self._backoff = ExponentialBackoff(cap=LONGEST_PAUSE_SECONDS, base=FIRST_PAUSE_SECONDS)
        self._failures = 0
        self._since = 0.0
        self._told = {""}
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        return self._failures > 0

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt."""
        return self._backoff.compute(min(self._failures - 1, _MAX_COUNTED_FAILURES))

    def report(self, error: Exception) -> None:
        """Note a failed attempt."""
        with self._lock:
            self._failures += 1
            failures = self._failures
        if failures == 1:
            if isinstance(error, EXPECTED_ERRORS):  # not a database, or a fault
                incidents.note("interruption")
            self._begin(error)
        elif failures >= _MAX_COUNTED_FAILURES:  # no short step of a restart or a failover
            self.tell_if_new(error)

    def tell_if_new(self, error: Exception) -> None:
        """Say what else helps by now: who was silent when it began may refuse since."""
        if self._silence is not None and self._is_silent:
            self._silence.tell_if_new(error)
            return
        with self._lock:
            is_new = remedy(error) not in self._told
            self._told.add(remedy(error))
        if is_new:
            self._logger.warning(
                "Still interrupted: %s. Reason now: %s.", self._what, explained(error)
            )

    def wait(self) -> None:
        """Wait before the next attempt."""
        self._wait(self.pause_seconds)

    def end(self) -> None:
        """Note a successful attempt; without an outage nothing happens."""
        if not self.is_on:
            return
        with self._lock:
            was_on, self._failures = self.is_on, 0
        if was_on:
            self._finish()

    def _begin(self, error: Exception) -> None:
        self._since = time.monotonic()
        self._told = {"", remedy(error)}
        self._is_silent = isinstance(error, SILENCE_ERRORS)
        if self._silence is not None and self._is_silent:
            self._silence.begin(self, error)
            return
        self._logger.warning(
            "Interrupted: %s. Reason: %s. Trying again until it works.",
            self._what,
            explained(error),
            exc_info=None if isinstance(error, self._expected) else error,
        )

    def _finish(self) -> None:
        if self._silence is not None and self._is_silent:
            self._silence.end(self)
            return
        # As loud as its beginning: whoever saw that wants to know.
        lasted = duration_in_words(time.monotonic() - self._since)
        self._logger.warning("Resumed: %s, after %s.", self._what, lasted)


class Silence:
    """A server that does not answer, said once for all parts of a process that need it.

    Parameters:
      logger: Told when the first of them is interrupted, and when none is any more.
      what: What they do, for the log.
    """

    def __init__(self, logger: Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._outage = Outage(logger, what)
        #: Those that are interrupted. One that is stopped meanwhile never says that it goes on.
        self._parts: weakref.WeakSet[Outage] = weakref.WeakSet()
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether some part is interrupted."""
        return len(self._parts) > 0

    def begin(self, part: Outage, error: Exception) -> None:
        """Note that a part is interrupted."""
        with self._lock:
            if not self._parts:
                self._outage = Outage(self._logger, self._what)
            self._parts.add(part)
            self._outage.report(error)

    def tell_if_new(self, error: Exception) -> None:
        """Say what else helps by now."""
        self._outage.tell_if_new(error)

    def end(self, part: Outage) -> None:
        """Note that a part goes on."""
        with self._lock:
            self._parts.discard(part)
            if not self._parts:
                self._outage.end()
