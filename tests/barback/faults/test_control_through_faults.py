"""Everything that actors may want, under way at once, while something fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback.control import Progress, cancel, find, pause, paused, resume
from barback.monitoring.queues import queue_statuses
from tests.barback.faults.controlled import most_at_once, no_trace_is_left
from tests.barback.faults.options import AT_ONCE, PER_SECONDS, RATE
from tests.barback.faults.world import (
    World,
    cut_network,
    killed_worker,
    paused_queue,
    restarted_server,
)
from tests.support.polling import eventually
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from barback.embedded import EmbeddedServer
    from tests.barback.faults.conftest import Scene

LIMITED_IDS = [f"limited-{number}" for number in range(8)]
PACED_IDS = [f"paced-{number}" for number in range(3 * RATE)]

pytestmark = pytest.mark.slow


@pytest.fixture
def world(mortal_scene: Scene, mortal_server: EmbeddedServer, tmp_path: Path) -> Iterator[World]:
    with Proxy(mortal_server.url) as proxy:
        yield World(mortal_scene, mortal_server, proxy, tmp_path / "go-on")


@pytest.mark.parametrize("fault", [killed_worker, cut_network, restarted_server, paused_queue])
def test_what_actors_want_holds_through_a_fault(
    fault: Callable[[World], AbstractContextManager[None]], world: World
) -> None:
    # Given two workers, and jobs of all kinds under way
    scene, ledger = world.scene, world.scene.ledger
    world.start_workers(threads=6)
    first = world.send_unique()
    running = world.send("cancelled", "patient_job")
    telling = world.send("telling", "reporting_job", hold=str(world.go_on))
    scene.wait_for_starts("unique", "cancelled", "telling")
    eventually(lambda: find(scene.broker, telling).progress == Progress(1, 2, "waiting"))
    for job_id in LIMITED_IDS:
        world.limited.send(job_id, 0.2)
    for job_id in PACED_IDS:
        world.paced.send(job_id)
    ledger.promised |= {"unique", "telling", *LIMITED_IDS, *PACED_IDS}
    scene.wait_for_effects(2)

    # When something fails; and meanwhile one is cancelled, one comes too late, and one is sent
    # that must not be sent twice
    ledger.note_fault()
    with fault(world):
        assert cancel(scene.broker, running) == "asked"
        late = world.send_late()
        again = world.send_unique()
        assert find(scene.broker, telling).state == "running"
    world.go_on.touch()

    # Expect each to be done, within its limits; what was cancelled or late not to be
    scene.wait_until_all_is_done(timeout_seconds=40)
    assert again == first
    eventually(lambda: find(scene.broker, running).state == "cancelled")
    eventually(lambda: find(scene.broker, late).state == "expired")
    done = ledger.done()
    assert not {"cancelled", "late"} & done.keys()
    assert most_at_once(scene, world.killed_pid, job_ids=LIMITED_IDS) <= AT_ONCE
    starts = sorted(entry.at for entry in ledger.entries("start") if entry.job_id in PACED_IDS)
    assert starts[-1] - starts[0] > (len(PACED_IDS) / RATE - 2) * PER_SECONDS
    if not world.killed_pid:
        assert set(done.values()) == {1}

    # … what has ended well to be remembered, no trace to be left, and the way to be free
    eventually(lambda: find(scene.broker, first).state == "done")
    eventually(lambda: find(scene.broker, telling).progress == Progress(2, 2, "through"))
    no_trace_is_left(scene)
    assert world.send_unique() != first


@pytest.mark.parametrize("fault", [killed_worker, cut_network, restarted_server])
def test_a_pause_holds_through_a_fault(
    fault: Callable[[World], AbstractContextManager[None]], world: World
) -> None:
    # Given limited jobs under way, on a queue that is paused
    scene, ledger = world.scene, world.scene.ledger
    world.start_workers(threads=2)
    job_ids = [f"job-{number}" for number in range(30)]
    for job_id in job_ids:
        world.limited.send(job_id, 0.3)
    ledger.promised |= set(job_ids)
    eventually(lambda: len(ledger.started()) >= AT_ONCE)
    world.victim = ledger.entries("start")[-1].job_id
    pause(scene.broker, "jobs", reason="a fault test")

    # When something fails
    ledger.note_fault()
    with fault(world):
        assert paused(scene.broker)["jobs"].reason == "a fault test"

    # Expect nothing to start when what ran has ended or come back, until the queue is resumed
    eventually(lambda: queue_statuses(scene.broker)[0].running == 0)
    started = ledger.started()
    assert len(started) < len(job_ids)
    with pytest.raises(AssertionError):
        eventually(lambda: ledger.started() != started, timeout_seconds=3)
    assert resume(scene.broker, "jobs")
    scene.wait_until_all_is_done(timeout_seconds=30)
    no_trace_is_left(scene)
    assert most_at_once(scene, world.killed_pid) <= AT_ONCE
