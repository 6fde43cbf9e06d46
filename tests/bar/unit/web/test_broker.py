from __future__ import annotations

import pytest
import redis

from barback.errors import BrokerUnavailable
from web.broker import PAUSE_SECONDS, CircuitBreaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def fail(breaker: CircuitBreaker, error: Exception) -> None:
    with pytest.raises(type(error)), breaker.guard():
        raise error


def is_refused(breaker: CircuitBreaker) -> bool:
    try:
        with breaker.guard():
            return False
    except BrokerUnavailable:
        return True


def test_after_a_failure_nobody_waits_until_one_has_tried(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    fail(breaker, redis.TimeoutError("nobody answers"))
    assert is_refused(breaker)

    # When it is time, expect one to try, and others to be refused meanwhile
    clock.now += PAUSE_SECONDS
    with breaker.guard():
        assert is_refused(breaker)
    assert not is_refused(breaker)
    assert not is_refused(breaker)


def test_a_broker_that_refuses_something_has_answered(breaker: CircuitBreaker) -> None:
    fail(breaker, redis.ResponseError("out of memory"))

    assert not is_refused(breaker)
