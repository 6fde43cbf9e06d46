"""The fixtures of Dramatiq's own tests and of dramatiq-abort's, which do not travel with them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from compat_broker import Broker, in_place_of_a_stub_broker
from dramatiq.rate_limits.backends import RedisBackend as RedisRateLimiterBackend
from dramatiq.rate_limits.backends import StubBackend as StubRateLimiterBackend
from dramatiq.results.backends import RedisBackend as RedisResultBackend
from dramatiq.results.backends import StubBackend as StubResultBackend

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def worker(broker: Any, **parameters: Any) -> Iterator[dramatiq.Worker]:
    started = dramatiq.Worker(broker, **parameters)
    started.start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def redis_broker() -> Iterator[Any]:
    broker = Broker()
    broker.client.flushall()
    yield from in_use(broker)


@pytest.fixture
def redis_worker(redis_broker: Any) -> Iterator[dramatiq.Worker]:
    with worker(redis_broker, worker_threads=8) as started:
        yield started


@pytest.fixture
def stub_broker() -> Iterator[Any]:
    yield from in_use(in_place_of_a_stub_broker())


@pytest.fixture
def stub_worker(stub_broker: Any) -> Iterator[dramatiq.Worker]:
    with worker(stub_broker, worker_timeout=100, worker_threads=8) as started:
        yield started


@pytest.fixture(params=[RedisResultBackend, StubResultBackend])
def result_backend(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture
def redis_result_backend() -> Any:
    return RedisResultBackend()


@pytest.fixture(params=[RedisRateLimiterBackend, StubRateLimiterBackend])
def rate_limiter_backend(request: pytest.FixtureRequest) -> Any:
    return request.param()


def in_use(broker: Any) -> Iterator[Any]:
    broker.emit_after("process_boot")
    dramatiq.set_broker(broker)
    yield broker
    broker.client.flushall()
    broker.close()
