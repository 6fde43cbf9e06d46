"""The fixtures of django_dramatiq's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from compat_dramatiq import worker as working

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def broker() -> Any:
    broker: Any = dramatiq.get_broker()
    broker.client.flushall()
    broker.actors.clear()
    return broker


@pytest.fixture
def worker(broker: Any) -> Iterator[dramatiq.Worker]:
    with working(broker, worker_timeout=100) as started:
        yield started
