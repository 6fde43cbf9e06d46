"""Late ticks and retries, run by a real Worker on a StubBroker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from barback.cron import cron
from barback.periodic import Periodic, scheduled_time
from tests.support.clocks import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = "2026-06-10T04:00:00+00:00"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2026-06-10 04:00:01")


@pytest.fixture
def broker(clock: VirtualClock) -> StubBroker:
    broker = StubBroker()
    broker.add_middleware(Periodic(now=clock.now))
    broker.emit_after("process_boot")
    return broker


@pytest.fixture
def worker(broker: StubBroker) -> Iterator[dramatiq.Worker]:
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    yield worker
    worker.stop()


def test_a_tick_within_its_grace_runs(
    broker: StubBroker, worker: dramatiq.Worker, clock: VirtualClock
) -> None:
    # Given an actor with a grace of 10 minutes
    runs = []
    actor = _declare(broker, lambda: runs.append("run"), grace_seconds=600)
    # When a worker gets to its tick 9 minutes late: stock periodiq drops it after 30 s
    clock.set("2026-06-10 04:09:00")
    actor.send_with_options(scheduled_at=TICK)
    broker.join(actor.queue_name, timeout=30_000)
    worker.join()
    # Expect it to run
    assert runs == ["run"]


@pytest.mark.parametrize("given", [None, "soon", "2026-06-10T03:00:00", 5, [], {"at": TICK}])
def test_what_somebody_else_calls_a_tick_is_none(
    broker: StubBroker,
    worker: dramatiq.Worker,
    given: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = []
    actor = _declare(broker, lambda: runs.append("run"), grace_seconds=600)

    message = actor.send_with_options(scheduled_at=given)
    broker.join(actor.queue_name, timeout=30_000)
    worker.join()

    assert scheduled_time(message) is None
    assert runs == ["run"]
    assert "Unexpected failure" not in caplog.text


def test_a_tick_beyond_its_grace_is_skipped_with_a_warning(
    broker: StubBroker,
    worker: dramatiq.Worker,
    clock: VirtualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given two actors, of which one has a longer grace
    runs = []
    hasty = _declare(broker, lambda: runs.append("hasty"), name="hasty", grace_seconds=600)
    patient = _declare(broker, lambda: runs.append("patient"), name="patient", grace_seconds=7200)
    # When a worker gets to their ticks 11 minutes late
    clock.set("2026-06-10 04:11:00")
    hasty.send_with_options(scheduled_at=TICK)
    patient.send_with_options(scheduled_at=TICK)
    broker.join("default", timeout=30_000)
    worker.join()
    # Expect each to be judged by its own
    assert runs == ["patient"]
    assert f"hasty: the tick of {TICK} is skipped: a worker gets to it 11 min late" in caplog.text


def test_a_retry_runs_however_late_it_is(
    broker: StubBroker, worker: dramatiq.Worker, clock: VirtualClock
) -> None:
    # Given an actor that fails the first time, and takes hours until its second
    runs = []

    def fail_once() -> None:
        runs.append("run")
        clock.advance(hours := 3 * 3600)
        if len(runs) == 1:
            raise RuntimeError(hours)

    actor = _declare(broker, fail_once, grace_seconds=60, min_backoff=10, max_backoff=10)
    # When it is sent
    actor.send_with_options(scheduled_at=TICK)
    broker.join(actor.queue_name, timeout=30_000, fail_fast=False)
    worker.join()
    # Expect the retry to run: stock periodiq drops it once its backoff is beyond 30 s
    assert len(runs) == 2


def test_a_message_that_no_schedule_sent_runs(
    broker: StubBroker, worker: dramatiq.Worker, clock: VirtualClock
) -> None:
    runs = []
    actor = _declare(broker, lambda: runs.append("run"), grace_seconds=60)
    clock.advance(86_400)
    message = actor.send()
    broker.join(actor.queue_name, timeout=30_000)
    worker.join()
    assert runs == ["run"]
    assert scheduled_time(message) is None


def _declare(
    broker: StubBroker,
    function: Callable[[], object],
    *,
    grace_seconds: int,
    name: str = "tick",
    **options: Any,
) -> dramatiq.Actor[[], object]:
    return dramatiq.actor(
        actor_name=name,
        broker=broker,
        periodic=cron("0 4 * * *"),
        grace_seconds=grace_seconds,
        **options,
    )(function)
