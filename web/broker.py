"""The website's own connections to the queues."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.errors import ConnectionFailed

from actors.broker import make_broker
from barback.errors import BrokerUnavailable
from made_once import made_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from barback import RedisBroker

#: How long somebody who orders waits for the queue before the bar counts as closed, in seconds.
#: A worker is more patient: nobody looks at it.
TIMEOUT_SECONDS = 1.0

#: When a broker that did not answer is asked again, in seconds.
PAUSE_SECONDS = 2.0

#: Longer than asking it takes, whatever it does, in seconds.
LONGEST_SECONDS = 10.0

#: What it takes to know that the broker is away, as the answer to whatever else asks it.
AWAY_ERRORS = (ConnectionFailed, redis.RedisError)


@made_once
def broker() -> RedisBroker:
    """The broker, for threads that may wait for it. Requests want :func:`answering_broker`."""
    return make_broker(socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)


class CircuitBreaker:
    """Keeps requests from waiting for what does not answer.

    Each that waits holds a thread, and those that have no need of it get none. After a failure all
    are refused for a while, and then one tries.

    Parameters:
      clock: Tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._is_open = False
        self._try_at = 0.0

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Do what is inside, unless that has just failed.

        Raises:
          BrokerUnavailable: It has just failed.
        """
        with self._lock:
            now = self._clock()
            if self._is_open and now < self._try_at:
                raise BrokerUnavailable("it has just not answered")
            self._try_at = now + LONGEST_SECONDS  # if it is open, for this one alone
        try:
            yield
        except AWAY_ERRORS as error:
            if not isinstance(error.__cause__ or error, redis.ResponseError):  # that is an answer
                self._note(is_open=True)
            raise
        self._note(is_open=False)

    def _note(self, *, is_open: bool) -> None:
        with self._lock:
            self._is_open = is_open
            self._try_at = self._clock() + PAUSE_SECONDS


_breaker = CircuitBreaker()


@contextlib.contextmanager
def answering_broker() -> Iterator[RedisBroker]:
    """The broker, for a request.

    Raises:
      BrokerUnavailable: It has just not answered somebody else.
      ConnectionFailed or redis.RedisError: It does not answer.
    """
    with _breaker.guard():
        yield broker()
