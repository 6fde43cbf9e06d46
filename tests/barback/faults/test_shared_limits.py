"""A limit that jobs of two queues share, while workers die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback.control import find
from tests.barback.faults.controlled import most_at_once, no_trace_is_left
from tests.barback.faults.options import ALONE, declare
from tests.barback.faults.world import World, cut_network, paused_queue, restarted_server
from tests.support.polling import eventually
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from barback.embedded import EmbeddedServer
    from tests.barback.faults.conftest import Scene
    from tests.support.processes import TestProcess

#: How long after its death a worker's slots are others' at the latest, in seconds; a busy machine
#: adds to it.
RECOVERY_SECONDS = 10.0
MARGIN_SECONDS = 20.0

pytestmark = pytest.mark.slow


class TwoQueues:
    """Two queues, *here* and *there*, one of whose jobs may run at a time, each with workers of its
    own.

    Parameters:
      scene: The scene.
      go_on: Where there is a file for each job that may end.
    """

    def __init__(self, scene: Scene, go_on: Path) -> None:
        self.scene = scene
        self._go_on = go_on
        self._actors = {
            name: declare(scene.broker, f"lone_job_{name}", ALONE, name)
            for name in ("here", "there")
        }

    def send(self, queue_name: str, job_id: str, *, seconds: float = 0.0) -> str:
        """Send a job, which ends so long after it was told to; tells the id of its entry."""
        message = self._actors[queue_name].send(job_id, str(self._go_on / job_id), seconds)
        self.scene.ledger.promised.add(job_id)
        return str(message.options["redis_message_id"])

    def start_worker(self, queue_name: str, *, redis_url: str | None = None) -> TestProcess:
        return self.scene.start_worker(
            actors="tests.barback.faults.two_queues", queues=(queue_name,), redis_url=redis_url
        )

    def end(self, *job_ids: str) -> None:
        for job_id in job_ids:
            (self._go_on / job_id).touch()

    def waits(self, redis_id: str) -> None:
        eventually(lambda: find(self.scene.broker, redis_id).state == "limited")


@pytest.fixture
def queues(scene: Scene, tmp_path: Path) -> TwoQueues:
    return TwoQueues(scene, tmp_path)


def test_the_slot_of_a_queue_s_only_worker_comes_back_when_that_is_killed(
    scene: Scene, queues: TwoQueues
) -> None:
    # Given a job that holds the only slot in the only worker of its queue, and jobs of both queues
    # that wait for it
    queues.start_worker("here")
    queues.start_worker("there")
    first = queues.send("here", "first")
    scene.wait_for_starts("first")
    queues.waits(queues.send("here", "second"))
    queues.waits(queues.send("there", "other"))
    queues.end("second", "other")

    # When that worker is killed
    killed_pid = scene.ledger.pid_of("first")
    scene.kill_process_of("first")

    # Expect the job of the other queue to have the slot in time
    eventually(
        lambda: scene.ledger.done() == {"other": 1},
        timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS,
        complaint=scene.evidence,
    )
    assert find(scene.broker, first).state == "limited"

    # … and the killed one to run again, before the others, when its queue has a worker again
    queues.start_worker("here")
    queues.end("first")
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    no_trace_is_left(scene, "here", "there")
    assert scene.ledger.started() == {"first": 2, "second": 1, "other": 1}
    assert [entry.job_id for entry in scene.ledger.entries("effect")][1:] == ["first", "second"]
    assert most_at_once(scene, killed_pid) == 1


def test_both_queues_go_on_when_all_of_their_workers_were_killed(
    scene: Scene, queues: TwoQueues
) -> None:
    # Given a job that runs, and one of each queue that waits for it
    workers = [queues.start_worker(name) for name in ("here", "there")]
    queues.send("here", "first")
    scene.wait_for_starts("first")
    for queue_name in ("here", "there"):
        queues.waits(queues.send(queue_name, queue_name))

    # When all workers are killed, and one for the other queue starts, and later one for the first
    killed_pid = scene.ledger.pid_of("first")
    scene.ledger.note_fault()
    for worker in workers:
        worker.kill()
    queues.end("first", "here", "there")
    queues.start_worker("there")

    # Expect it to run in time, and the others then
    eventually(
        lambda: scene.ledger.done() == {"there": 1},
        timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS,
        complaint=scene.evidence,
    )
    queues.start_worker("here")
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    no_trace_is_left(scene, "here", "there")
    assert most_at_once(scene, killed_pid) == 1


@pytest.mark.parametrize("fault", [cut_network, restarted_server, paused_queue])
def test_a_limit_of_two_queues_holds_through_a_fault(
    fault: Callable[[World], AbstractContextManager[None]],
    mortal_scene: Scene,
    mortal_server: EmbeddedServer,
    tmp_path: Path,
) -> None:
    # Given many jobs on both queues under way, behind a network
    scene, queues = mortal_scene, TwoQueues(mortal_scene, tmp_path)
    job_ids = {name: [f"{name}-{number}" for number in range(12)] for name in ("here", "there")}
    with Proxy(mortal_server.url) as proxy:
        world = World(scene, mortal_server, proxy, tmp_path)
        world.queue_name = "here"
        for name, its_ids in job_ids.items():
            queues.start_worker(name, redis_url=proxy.url)
            queues.end(*its_ids)
        for pair in zip(*job_ids.values(), strict=True):
            for job_id in pair:
                queues.send(job_id.split("-")[0], job_id, seconds=0.05)
        scene.wait_for_effects(4)

        # When something fails, and what can go on meanwhile does
        scene.ledger.note_fault()
        with fault(world):
            if fault is paused_queue:
                eventually(lambda: set(job_ids["there"]) <= set(scene.ledger.done()))

        # Expect each to be done once, one at a time
        scene.wait_until_all_is_done(timeout_seconds=30)
        no_trace_is_left(scene, "here", "there")
    assert set(scene.ledger.done().values()) == {1}
    assert most_at_once(scene) == 1
