"""Workers that are killed, kill themselves, or fall silent."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.barback.faults.conftest import message
from tests.support.clocks import clock_off_by
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.barback.faults.conftest import Scene
    from tests.support.processes import TestProcess

pytestmark = pytest.mark.slow

#: How long after its death a worker's messages run elsewhere at the latest, in seconds; a busy
#: machine adds to it.
RECOVERY_SECONDS = 10.0
MARGIN_SECONDS = 20.0


def test_what_a_killed_worker_held_runs_elsewhere_within_seconds(
    scene: Scene, tmp_path: Path
) -> None:
    # Given a worker that runs two jobs, one of which has taken effect and is not acknowledged,
    # and has taken two more ahead; and another worker that is idle
    go_on = tmp_path / "go-on"
    victim = scene.start_worker()
    scene.send("running", hold=str(go_on))
    scene.send("effective", hold=str(go_on), effect_first=True)
    scene.wait_for_starts("running", "effective")
    scene.send("ahead-1")
    scene.send("ahead-2")
    eventually(lambda: scene.broker.queue_length("jobs") == 0)
    other = scene.start_worker()
    name = f"{socket.gethostname()}:{scene.ledger.pid_of('running')}"

    # When it is killed
    scene.kill_process_of("running")
    go_on.touch()

    # Expect all four to be done, and only the one that had taken effect to be done twice
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    eventually(lambda: scene.ledger.done()["effective"] == 2)
    scene.wait_until_nothing_is_left()
    assert scene.ledger.done() == {"running": 1, "effective": 2, "ahead-1": 1, "ahead-2": 1}
    assert victim.wait() != 0

    # and to be told of the dead one by the name that `status` shows
    other.wait_for_output(f"Worker {name} has died or was cut off. Of queue 'jobs' it held 4")


def test_what_a_killed_worker_held_runs_elsewhere_though_a_child_of_it_lives_on(
    scene: Scene, tmp_path: Path
) -> None:
    # Given a worker whose job has forked a process, and another worker
    go_on = tmp_path / "go-on"
    scene.start_worker()
    scene.send("forking", actor="forking_job", hold=str(go_on))
    scene.wait_for_starts("forking")
    scene.start_worker()

    # When the first one is killed, and that process is not
    scene.kill_process_of("forking")

    # Expect the job to run elsewhere as soon as without it
    eventually(
        lambda: scene.ledger.started()["forking"] == 2,
        timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS,
    )
    go_on.touch()
    scene.wait_until_all_is_done(timeout_seconds=30)


def test_pools_of_processes_end_when_a_job_is_done_with_them(scene: Scene) -> None:
    scene.start_worker(threads=1)

    for number in range(3):
        scene.send(f"pooling-{number}", actor="pooling_job")

    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()


@pytest.mark.parametrize("way", ["return", "exit", "error"])
def test_a_process_that_a_job_has_forked_does_not_go_on_as_a_worker(
    way: str, scene: Scene, tmp_path: Path
) -> None:
    # Given a worker that has taken more ahead
    go_on = tmp_path / "go-on"
    scene.start_worker(threads=1)
    scene.send("forking", actor="fork_that_comes_back", hold=str(go_on), way=way)
    scene.wait_for_starts("forking")
    scene.send("ahead")
    eventually(lambda: scene.broker.queue_length("jobs") == 0)

    # When a process that its job has forked comes back from the job
    go_on.touch()

    # Expect each to be done once
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert scene.ledger.done() == {"forking": 1, "ahead": 1}
    assert scene.dead_letters() == set()


def test_what_a_killed_fleet_held_runs_when_a_worker_starts_again(
    scene: Scene, tmp_path: Path
) -> None:
    # Given two workers that run jobs
    go_on = tmp_path / "go-on"
    fleet = [scene.start_worker(), scene.start_worker()]
    job_ids = [f"job-{n}" for n in range(8)]
    for job_id in job_ids:
        scene.send(job_id, hold=str(go_on))
    eventually(lambda: len(scene.ledger.started()) == 4)

    # When both are killed with all their processes, and one starts
    scene.ledger.note_fault()
    for worker in fleet:
        worker.kill()
    go_on.touch()
    scene.start_worker()

    # Expect it to do all
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done()) == set(job_ids)


@pytest.mark.timeout(180)
def test_a_job_that_kills_its_worker_is_buried_after_three_deaths_and_alone(scene: Scene) -> None:
    # Given a worker, and a deadly job among innocent ones: Dramatiq's main process waits half a
    # minute for a worker that is killed before it has said that it is there
    worker = scene.start_worker(threads=4)
    innocents = [f"innocent-{n}" for n in range(40)]
    for job_id in innocents[:20]:
        scene.send(job_id)
    scene.broker.enqueue(message("deadly", actor="kill_the_worker"))
    for job_id in innocents[20:]:
        scene.send(job_id)

    # When workers are started again as often as they die
    scene.ledger.note_fault()
    deaths = 0
    while dies_before_a_dead_letter(worker, scene) and deaths < 10:
        deaths += 1
        worker = scene.start_worker(threads=4)

    # Expect it to be the only dead letter after three deaths, and all others to be done
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert deaths == 3
    assert scene.ledger.started()["deadly"] == 3
    (dead_id,) = scene.dead_letters()
    assert b"worker died" in (
        scene.broker.client.hget("dramatiq:__barback__:jobs:dead-details", dead_id) or b""
    )


def dies_before_a_dead_letter(worker: TestProcess, scene: Scene) -> bool:
    eventually(lambda: worker.exit_code is not None or scene.dead_letters(), timeout_seconds=40)
    return not scene.dead_letters()


@pytest.mark.timeout(120)
def test_nothing_is_taken_from_a_worker_that_is_silent_for_twenty_seconds(
    scene: Scene, tmp_path: Path
) -> None:
    # Given a worker with a job, stopped as by a debugger, and another worker
    go_on = tmp_path / "go-on"
    silent = scene.start_worker()
    scene.send("slow", hold=str(go_on))
    scene.wait_for_starts("slow")
    scene.send("ahead", hold=str(go_on))
    scene.wait_for_starts("ahead")
    scene.start_worker()
    silent.send_signal_to_group(signal.SIGSTOP)
    scene.ledger.note_fault()

    # When 20 s have passed
    with pytest.raises(AssertionError):
        eventually(lambda: max(scene.ledger.started().values()) > 1, timeout_seconds=20)
    silent.send_signal_to_group(signal.SIGCONT)
    go_on.touch()

    # Expect each job to be done once, by the one that had it
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert scene.ledger.done() == {"slow": 1, "ahead": 1}
    assert scene.ledger.started() == {"slow": 1, "ahead": 1}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("offset_seconds", [-90, +90])
def test_a_worker_whose_clock_is_wrong_neither_loses_nor_steals(
    offset_seconds: int, scene: Scene, tmp_path: Path
) -> None:
    # Given a worker whose clock is off, a worker whose clock is right, and a job in each
    go_on = tmp_path / "go-on"
    scene.start_worker(
        threads=1,
        variables={"dramatiq_queue_prefetch": "1", **clock_off_by(offset_seconds)},
    )
    scene.send("wrong-clock", hold=str(go_on))
    scene.wait_for_starts("wrong-clock")
    scene.start_worker(threads=1, variables={"dramatiq_queue_prefetch": "1"})
    scene.send("right-clock", hold=str(go_on))
    scene.wait_for_starts("right-clock")

    # When both have lived for a while, and delayed jobs come
    scene.ledger.note_fault()
    scene.send("delayed", delay=1_000)
    with pytest.raises(AssertionError):
        eventually(lambda: max(scene.ledger.started().values()) > 1, timeout_seconds=12)
    assert "delayed" not in scene.ledger.done()  # both are busy
    go_on.touch()

    # Expect each to be done once
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}
    assert set(scene.ledger.started().values()) == {1}
