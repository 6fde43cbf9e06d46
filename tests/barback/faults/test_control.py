"""Unique, limited and cancelled jobs, while workers, network and server fail."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from barback.control import cancel, find
from tests.barback.faults.controlled import most_at_once, no_trace_is_left
from tests.barback.faults.options import AT_ONCE, LIMITED, UNIQUE, declare
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from barback.embedded import EmbeddedServer
    from tests.barback.faults.conftest import Scene
    from tests.support.proxy import Proxy

#: How long after its death a worker's messages run elsewhere at the latest, in seconds; a busy
#: machine adds to it.
RECOVERY_SECONDS = 10.0
MARGIN_SECONDS = 20.0


@pytest.mark.slow
def test_a_unique_job_whose_worker_is_killed_keeps_others_away_until_it_is_done(
    scene: Scene, tmp_path: Path
) -> None:
    # Given a unique job in a worker, and another worker
    go_on = tmp_path / "go-on"
    unique_job = declare(scene.broker, "unique_job", UNIQUE)
    first = unique_job.send("job", str(go_on))
    scene.ledger.promised.add("job")
    scene.start_worker()
    scene.wait_for_starts("job")
    scene.start_worker()

    # When its worker is killed, and it is sent again and again until it has run elsewhere
    scene.kill_process_of("job")
    answers = set()

    def runs_elsewhere() -> bool:
        answers.add(unique_job.send("job", str(go_on)).message_id)
        return scene.ledger.started()["job"] == 2

    eventually(runs_elsewhere, timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    go_on.touch()

    # Expect it to be done once, nothing else to be sent, and the way to be free afterwards
    scene.wait_until_all_is_done(timeout_seconds=30)
    no_trace_is_left(scene)
    assert answers == {first.message_id}
    assert scene.ledger.done() == {"job": 1}
    assert unique_job.send("job", str(go_on)).message_id != first.message_id


@pytest.mark.slow
def test_slots_of_a_killed_worker_come_back_in_time(scene: Scene) -> None:
    # Given two workers that share a limit of two, and a job in each, or both in one
    limited_job = declare(scene.broker, "limited_job", LIMITED)
    workers = [scene.start_worker(threads=4), scene.start_worker(threads=4)]
    job_ids = [f"job-{n}" for n in range(12)]
    for job_id in job_ids:
        limited_job.send(job_id, 0.3)
    scene.ledger.promised |= set(job_ids)
    eventually(lambda: len(scene.ledger.started()) >= 4)

    # When one that has started a job is killed
    killed_pid = scene.ledger.entries("start")[-1].pid
    scene.ledger.note_fault()
    os.kill(killed_pid, signal.SIGKILL)

    # Expect all jobs to be done, and never more than two at once
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    no_trace_is_left(scene)
    assert most_at_once(scene, killed_pid) <= AT_ONCE
    assert len(workers) == 2


@pytest.mark.slow
def test_a_limit_holds_while_the_network_is_cut(scene: Scene, proxy: Proxy) -> None:
    # Given a worker behind a network and one that is not, and many limited jobs
    limited_job = declare(scene.broker, "limited_job", LIMITED)
    scene.start_worker(threads=3, redis_url=proxy.url)
    scene.start_worker(threads=3)
    job_ids = [f"job-{n}" for n in range(40)]
    for job_id in job_ids:
        limited_job.send(job_id, 0.2)
    scene.ledger.promised |= set(job_ids)
    scene.wait_for_effects(5)

    # When the network is cut twice for a moment
    scene.ledger.note_fault()
    for _ in range(2):
        proxy.close()
        time.sleep(0.3)
        proxy.open()
        scene.wait_for_effects(min(len(scene.ledger.done()) + 3, len(job_ids)))

    # Expect each job to be done once, and never more than two at once
    scene.wait_until_all_is_done(timeout_seconds=30)
    no_trace_is_left(scene)
    assert set(scene.ledger.done().values()) == {1}
    assert most_at_once(scene) <= AT_ONCE


def test_limits_and_claims_survive_the_server(
    mortal_scene: Scene, mortal_server: EmbeddedServer, tmp_path: Path
) -> None:
    # Given limited jobs and a unique one under way
    scene, go_on = mortal_scene, tmp_path / "go-on"
    limited_job = declare(scene.broker, "limited_job", LIMITED)
    unique_job = declare(scene.broker, "unique_job", UNIQUE)
    scene.start_worker(threads=4)
    first = unique_job.send("unique", str(go_on))
    for number in range(20):
        limited_job.send(f"job-{number}", 0.1)
    scene.ledger.promised |= {"unique", *(f"job-{number}" for number in range(20))}
    scene.wait_for_starts("unique", "job-0")

    # When the server is killed and comes back
    pid = mortal_server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not mortal_server.is_running())
    mortal_server.ensure()
    scene.ledger.note_fault()

    # Expect the claim to hold, and everything to be done once within its limit
    assert unique_job.send("unique", str(go_on)).message_id == first.message_id
    go_on.touch()
    scene.wait_until_all_is_done(timeout_seconds=30)
    no_trace_is_left(scene)
    assert set(scene.ledger.done().values()) == {1}


@pytest.mark.slow
def test_a_cancelled_job_whose_worker_is_killed_does_not_run_again(scene: Scene) -> None:
    # Given a job that runs, and one that its worker has taken ahead
    declare(scene.broker, "patient_job", {})
    scene.start_worker(threads=1)
    scene.send("cancelled", actor="patient_job")
    scene.wait_for_starts("cancelled")
    scene.send("ahead")

    # When it is cancelled and its worker is killed in the same moment, and another one starts
    stored: Any = scene.broker.client.hgetall("dramatiq:jobs.msgs")
    (running_id,) = (raw.decode() for raw, payload in stored.items() if b"patient" in payload)
    os.kill(scene.ledger.pid_of("cancelled"), signal.SIGSTOP)
    assert cancel(scene.broker, running_id) == "asked"
    scene.kill_process_of("cancelled")
    scene.start_worker(threads=1)

    # Expect the other job to be done, and that one not to be started again
    scene.ledger.promised = {"ahead"}
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    eventually(
        lambda: find(scene.broker, running_id).state == "cancelled",
        timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS,
    )
    scene.wait_until_nothing_is_left()
    assert scene.ledger.started() == {"cancelled": 1, "ahead": 1}


def test_a_running_job_is_stopped_from_another_process(scene: Scene, proxy: Proxy) -> None:
    # Given a job in a worker whose network was cut since
    declare(scene.broker, "patient_job", {})
    scene.start_worker(threads=1, redis_url=proxy.url)
    scene.send("patient", actor="patient_job")
    scene.wait_for_starts("patient")
    proxy.close()
    stored: Any = scene.broker.client.hkeys("dramatiq:jobs.msgs")
    running_id = stored[0].decode()

    # When it is cancelled meanwhile, and the network comes back
    assert cancel(scene.broker, running_id) == "asked"
    proxy.open()

    # Expect it to end without its effect, and its worker to go on
    scene.ledger.promised = set()
    scene.send("next")
    scene.wait_until_all_is_done(timeout_seconds=RECOVERY_SECONDS + MARGIN_SECONDS)
    no_trace_is_left(scene)
    assert scene.ledger.done() == {"next": 1}
    assert find(scene.broker, running_id).state == "cancelled"
