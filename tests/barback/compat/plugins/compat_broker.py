"""A pytest plugin: other projects' tests, on stock Dramatiq's Redis broker or on Barback's.

COMPAT_BROKER says on which ("stock" or "barback"), COMPAT_REDIS_PORT where a server listens that
may be emptied, and COMPAT_OUTCOMES which file is told how each test went.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
import dramatiq.brokers.redis
import dramatiq.brokers.stub
import redis.connection

import barback

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

_DEFAULT_REDIS_PORT = 6379

#: The broker under test.
Broker: Any = {"stock": dramatiq.brokers.redis.RedisBroker, "barback": barback.RedisBroker}[
    os.environ["COMPAT_BROKER"]
]

_outcomes: dict[str, str] = {}


class _Failures(dramatiq.Middleware):
    """Keeps what ``StubBroker.join(fail_fast=True)`` raises."""

    def __init__(self) -> None:
        self._raised: dict[str, BaseException] = {}
        self.errors: list[BaseException] = []

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is not None:
            self._raised[message.message_id] = exception

    def before_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        if message.message_id in self._raised:
            self.errors.append(self._raised.pop(message.message_id))


def in_place_of_a_stub_broker(*, fail_fast_default: bool = True, **parameters: Any) -> Any:
    """The broker under test, on an empty server, for tests that were written for a StubBroker."""
    broker = Broker(**parameters)
    broker.client.flushall()
    failures = _Failures()
    broker.add_middleware(failures)
    join = broker.join

    def join_and_raise(
        queue_name: str, *, fail_fast: bool = fail_fast_default, timeout: int | None = None
    ) -> None:
        join(queue_name, timeout=timeout)
        if fail_fast and failures.errors:
            raise failures.errors.pop()

    broker.join = join_and_raise
    return broker


def _send_the_default_port_elsewhere() -> None:
    connect: Callable[..., None] = redis.connection.Connection.__init__

    @functools.wraps(connect)
    def connect_elsewhere(self: Any, *args: Any, **parameters: Any) -> None:
        if parameters.get("port", _DEFAULT_REDIS_PORT) == _DEFAULT_REDIS_PORT:
            parameters["port"] = int(os.environ["COMPAT_REDIS_PORT"])
        connect(self, *args, **parameters)

    redis.connection.Connection.__init__ = connect_elsewhere  # type: ignore[method-assign]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # A test counts as passed when no part of it, from its fixtures on, went wrong.
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    Path(os.environ["COMPAT_OUTCOMES"]).write_text(json.dumps(_outcomes))


_send_the_default_port_elsewhere()
dramatiq.brokers.redis.RedisBroker = Broker  # type: ignore[misc]
dramatiq.brokers.stub.StubBroker = in_place_of_a_stub_broker  # type: ignore[misc,assignment]
