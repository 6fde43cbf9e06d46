"""One contract for two brokers: Dramatiq's own for Redis, and ours.

Each test runs against both. What stock Dramatiq cannot do is marked ``stock_fails(reason)`` and has
to fail there: when a release of Dramatiq mends it, the suite says so. Waiting for what does not
come takes time, so the half on stock is slow: `make slow` and CI run it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker
from dramatiq.middleware import CurrentMessage, default_middleware

from barback import RedisBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

_BROKERS = {"stock": StockRedisBroker, "barback": RedisBroker}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "stock_fails(reason): what stock Dramatiq cannot do; it is expected to fail"
    )


class BrokerMaker(Protocol):
    def __call__(self, **parameters: Any) -> Any: ...


class WorkerStarter(Protocol):
    def __call__(self, broker: dramatiq.Broker, **parameters: Any) -> dramatiq.Worker: ...


@pytest.fixture(params=[pytest.param("stock", marks=pytest.mark.slow), "barback"])
def make_broker(request: pytest.FixtureRequest, redis_url: str) -> Iterator[BrokerMaker]:
    """Make a broker of the kind under test, with Dramatiq's default middleware."""
    fails = request.node.get_closest_marker("stock_fails")
    if fails is not None and request.param == "stock":
        request.applymarker(pytest.mark.xfail(strict=True, reason=fails.args[0]))
    with contextlib.ExitStack() as stack:
        yield _broker_maker(_BROKERS[request.param], redis_url, stack)


def _broker_maker(
    broker_class: type[Any], redis_url: str, stack: contextlib.ExitStack
) -> BrokerMaker:
    def make_broker(**parameters: Any) -> Any:
        if "client" not in parameters:
            parameters.setdefault("url", redis_url)
        middleware = [each() for each in default_middleware]
        broker = broker_class(middleware=[*middleware, CurrentMessage()], **parameters)
        stack.callback(broker.close)
        stack.callback(broker.client.close)
        broker.emit_after("process_boot")
        return broker

    return make_broker


@pytest.fixture
def broker(make_broker: BrokerMaker) -> Any:
    """A broker of the kind under test."""
    return make_broker()


@pytest.fixture
def start_worker() -> Iterator[WorkerStarter]:
    """Start a worker in threads of this process; it is stopped at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start_worker(broker: dramatiq.Broker, **parameters: Any) -> dramatiq.Worker:
            options = {"worker_timeout": 30, "worker_threads": 2, **parameters}
            worker = dramatiq.Worker(broker, **options)
            worker.start()
            stack.callback(worker.stop, timeout=10_000)
            return worker

        yield start_worker


@pytest.fixture
def full_server(redis_client: redis.Redis) -> Iterator[FullServer]:
    server = FullServer(redis_client)
    yield server
    server.make_room()


class FullServer:
    """The server of the test, which can be made to have no memory left."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def fill(self) -> None:
        self._client.config_set("maxmemory", 1)

    def make_room(self) -> None:
        self._client.config_set("maxmemory", 0)
