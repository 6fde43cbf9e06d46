"""The fixtures of dramatiq-abort's tests that differ from those of Dramatiq's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from compat_broker import in_place_of_a_stub_broker
from compat_dramatiq import in_use
from dramatiq_abort.backends import RedisBackend, StubBackend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stub_broker() -> Iterator[Any]:
    # These tests are older than StubBroker's default of raising what an actor raised.
    yield from in_use(in_place_of_a_stub_broker(fail_fast_default=False))


@pytest.fixture
def stub_event_backend() -> Any:
    return StubBackend()


@pytest.fixture(params=["redis", "stub"])
def event_backend(request: pytest.FixtureRequest, stub_event_backend: Any) -> Any:
    return RedisBackend(client=redis.Redis()) if request.param == "redis" else stub_event_backend
