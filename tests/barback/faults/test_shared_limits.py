"""A limit that jobs of two queues share, while workers die."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback.control import find
from tests.barback.faults.controlled import most_at_once, no_trace_is_left
from tests.barback.faults.options import ALONE, declare
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.barback.faults.conftest import Scene
    from tests.support.processes import TestProcess

#: How long after its death a worker's slots are others' at the latest, in seconds; a busy machine
#: adds to it.
RECOVERY_SECONDS = 10.0
MARGIN_SECONDS = 5.0

pytestmark = pytest.mark.slow


class TwoQueues:
    """Two queues, *here* and *there*, one of whose jobs may run at a time, each with workers of its
    own.
    """

    def __init__(self, scene: Scene, go_on: Path) -> None:
        self.scene = scene
        self._go_on = go_on
        self._actors = {
            name: declare(scene.broker, f"lone_job_{name}", ALONE, name)
            for name in ("here", "there")
        }

    def send(self, queue_name: str, job_id: str) -> str:
        """Send a job, which ends when it is told to; tells the id of its entry."""
        message = self._actors[queue_name].send(job_id, str(self._go_on / job_id))
        self.scene.ledger.promised.add(job_id)
        return str(message.options["redis_message_id"])

    def start_worker(self, queue_name: str) -> TestProcess:
        return self.scene.start_worker(
            actors="tests.barback.faults.two_queues", queues=(queue_name,)
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
