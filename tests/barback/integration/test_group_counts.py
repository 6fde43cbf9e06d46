"""Groups complete although the server of their counts refuses for a while."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits.backends import StubBackend
from redis.exceptions import OutOfMemoryError, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

REFUSALS = [
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    ReadOnlyError("You can't write against a read only replica."),
    redis.ResponseError("BUSY Valkey is busy running a script."),
    redis.ResponseError("MISCONF Valkey is configured to save RDB snapshots, but cannot."),
    redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
    redis.ConnectionError("refused"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: str(error).split()[0])
def test_a_group_completes_though_a_count_was_refused(
    refusal: Exception,
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given counts that are refused once, for longer than anybody insists
    class RefusesOnce(StubBackend):
        has_refused = False

        def decr(self, *args: Any) -> bool:
            if not self.has_refused:
                self.has_refused = True
                raise refusal
            return bool(super().decr(*args))  # type: ignore[no-untyped-call]

    monkeypatch.setattr("barback.speedups.hooks.INSIST_SECONDS", 0.0)
    broker.add_middleware(GroupCallbacks(RefusesOnce()))  # type: ignore[no-untyped-call]
    is_complete = threading.Event()

    @dramatiq.actor(broker=broker)
    def member() -> None:
        pass

    @dramatiq.actor(broker=broker)
    def complete() -> None:
        is_complete.set()

    # When a group has run
    group: Any = dramatiq.group([member.message(), member.message()], broker=broker)
    group.add_completion_callback(complete.message())
    group.run()
    run_worker()

    # Expect it to complete, and one line to tell of the refusal
    assert is_complete.wait(60)
    assert "of GroupCallbacks was left out. Reason: " in caplog.text
    assert "Traceback" not in caplog.text
