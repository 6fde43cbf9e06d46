"""Workers that are told to stop, as by a deployment."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.barback.faults.conftest import Scene

pytestmark = pytest.mark.slow


def order_of(scene: Scene) -> list[str]:
    """The jobs that wait, the next one first."""
    ids: Any = scene.broker.client.lrange("dramatiq:jobs", 0, -1)
    payloads: Any = scene.broker.client.hmget("dramatiq:jobs.msgs", ids) if ids else []
    return [dramatiq.Message.decode(payload).args[0] for payload in payloads]


def test_an_idle_worker_stops_at_once(scene: Scene) -> None:
    worker = scene.start_worker()
    scene.send("before")
    scene.wait_until_all_is_done(timeout_seconds=30)

    assert worker.stop() == 0

    assert scene.broker.client.keys("*__acks__*") == []
    assert scene.broker.client.zcard("dramatiq:__barback__:jobs:heartbeats") == 0


def test_a_stopped_worker_finishes_its_jobs_and_gives_the_others_back_in_order(
    scene: Scene, tmp_path: Path
) -> None:
    # Given a worker that runs two jobs, has taken two ahead, and leaves four in the queue
    go_on = tmp_path / "go-on"
    worker = scene.start_worker()
    job_ids = [f"job-{n}" for n in range(8)]
    for job_id in job_ids:
        scene.send(job_id, hold=str(go_on))
    eventually(lambda: len(scene.ledger.started()) == 2)
    eventually(lambda: scene.broker.queue_length("jobs") == 4)

    # When it is told to stop
    scene.ledger.note_fault()
    worker.send_signal(signal.SIGTERM)

    # Expect what it has not started to be back at the head at once, while it still works
    eventually(lambda: order_of(scene) == job_ids[2:])
    assert worker.exit_code is None
    go_on.touch()

    # … and it to finish what it had started, so that the next one does the rest, each job once
    assert worker.wait() == 0
    assert set(scene.ledger.done()) == set(job_ids[:2])
    scene.start_worker()
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}


def test_stopping_a_busy_worker_again_and_again_loses_nothing_and_repeats_nothing(
    scene: Scene,
) -> None:
    # Given a backlog of quick jobs
    scene.send_many([f"job-{n}" for n in range(6_000)])
    scene.ledger.note_fault()

    # When its worker is stopped in the midst of them, twice
    for stops in range(1, 3):
        worker = scene.start_worker(threads=4)
        scene.wait_for_effects(stops * 500)
        assert worker.stop() == 0

    # Expect the next one to do the rest, and each job to be done once
    scene.start_worker(threads=4)
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}
