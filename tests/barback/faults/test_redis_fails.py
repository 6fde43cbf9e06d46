"""A server that dies, fills up, forgets or disconnects, and a network that breaks."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from barback.errors import BrokerUnavailable
from barback.recovery.heartbeat import SUSPICIOUS_MS
from tests.barback.faults.conftest import message
from tests.barback.faults.producer import Producer
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from barback.embedded import EmbeddedServer
    from tests.barback.faults.conftest import Scene
    from tests.support.proxy import Proxy

pytestmark = pytest.mark.slow

#: How soon workers go on when Redis is back, in seconds; a busy machine adds to it.
RESUME_SECONDS = 2.0
MARGIN_SECONDS = 18.0


def test_a_killed_server_loses_nothing(
    mortal_scene: Scene, mortal_server: EmbeddedServer, tmp_path: Path
) -> None:
    # Given a worker with a running job, one taken ahead, and a backlog
    scene, go_on = mortal_scene, tmp_path / "go-on"
    scene.start_worker(threads=1)
    scene.send("running", hold=str(go_on))
    scene.wait_for_starts("running")
    for n in range(50):
        scene.send(f"waiting-{n}")
    scene.send("delayed", delay=500)
    scene.send("failing", actor="fail_at_first")

    # When the server is killed, the running job ends meanwhile, and the server comes back
    pid = mortal_server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not mortal_server.is_running())
    with pytest.raises(BrokerUnavailable):
        scene.broker.enqueue(message("refused"))
    go_on.touch()
    eventually(lambda: "running" in scene.ledger.done())
    mortal_server.ensure()
    scene.ledger.note_fault()

    # Expect everything to be done soon, and once
    scene.wait_until_all_is_done(timeout_seconds=RESUME_SECONDS + MARGIN_SECONDS)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}


def test_what_was_accepted_is_done_though_the_server_is_killed_under_load(
    mortal_scene: Scene, mortal_server: EmbeddedServer
) -> None:
    # Given two workers, and a producer without a pause
    scene = mortal_scene
    scene.start_worker()
    scene.start_worker()
    with Producer(scene) as producer:
        producer.wait_for_more(200)

        # When the server is killed, and started again
        pid = mortal_server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: producer.refused > 0, timeout_seconds=30)
        mortal_server.ensure()
        scene.ledger.note_fault()

        # Expect the work to go on, with nothing lost that was accepted
        producer.wait_for_more(200)
    scene.wait_until_all_is_done(timeout_seconds=30)
    print(f"refused: {producer.refused}")  # noqa: T201 - pytest -rP shows it
    scene.wait_until_nothing_is_left()


def test_workers_take_nothing_from_each_other_when_the_server_comes_back(
    mortal_scene: Scene, mortal_server: EmbeddedServer, tmp_path: Path
) -> None:
    # Given workers that run a job each
    scene, go_on = mortal_scene, tmp_path / "go-on"
    job_ids = [f"job-{number}" for number in range(4)]
    for job_id in job_ids:
        scene.start_worker(threads=1, variables={"dramatiq_queue_prefetch": "1"})
        scene.send(job_id, hold=str(go_on))
        scene.wait_for_starts(job_id)

    # When the server is gone for so long that each has missed a heartbeat, and comes back
    pid = mortal_server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + SUSPICIOUS_MS / 1000
    eventually(lambda: time.monotonic() > until)
    mortal_server.ensure()

    # Expect each to go on with its own, when all have looked for dead ones several times
    heartbeats = scene.broker.store.keys("jobs").heartbeats
    looked_at_ms = scene.broker.store.now_ms() + 3 * SUSPICIOUS_MS
    eventually(
        lambda: scene.broker.client.zcount(heartbeats, looked_at_ms, "+inf") == len(job_ids),
        timeout_seconds=40,
    )
    go_on.touch()
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert scene.ledger.started() == dict.fromkeys(job_ids, 1)


@pytest.mark.parametrize("side", ["both", "client"])
def test_a_worker_whose_network_is_cut_goes_on_when_it_is_back(
    side: str, scene: Scene, proxy: Proxy, tmp_path: Path
) -> None:
    # Given a worker behind a network, with a running job and one taken ahead
    go_on = tmp_path / "go-on"
    scene.start_worker(threads=1, redis_url=proxy.url)
    scene.send("running", hold=str(go_on))
    scene.wait_for_starts("running")
    for n in range(50):
        scene.send(f"waiting-{n}")

    # When it is cut, the job ends meanwhile, and the network comes back
    scene.ledger.note_fault()
    if side == "both":
        proxy.close()
    else:
        proxy.cut_clients()
    go_on.touch()
    eventually(lambda: "running" in scene.ledger.done())
    time.sleep(1.0)  # a cut that lasts, but not as long as a dead worker takes to be missed
    proxy.open()

    # Expect everything to be done soon, and once
    scene.wait_until_all_is_done(timeout_seconds=RESUME_SECONDS + MARGIN_SECONDS)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}


def test_a_worker_whose_network_stalls_goes_on_when_it_flows(scene: Scene, proxy: Proxy) -> None:
    # Given an idle worker behind a network that delivers nothing for a few seconds
    scene.start_worker(redis_url=proxy.url)
    scene.send("before")
    scene.wait_until_all_is_done(timeout_seconds=30)
    proxy.stall()
    for n in range(20):
        scene.send(f"meanwhile-{n}")
    time.sleep(3.0)

    # When it flows again, expect everything to be done soon
    proxy.flow()
    scene.ledger.note_fault()
    scene.wait_until_all_is_done(timeout_seconds=RESUME_SECONDS + MARGIN_SECONDS)
    scene.wait_until_nothing_is_left()


@pytest.mark.timeout(120)
def test_a_worker_behind_a_black_hole_is_replaced_and_takes_up_work_again(
    scene: Scene, proxy: Proxy, tmp_path: Path
) -> None:
    # Given a worker with a job, behind a network that swallows everything for good
    go_on = tmp_path / "go-on"
    scene.start_worker(threads=1, redis_url=proxy.url)
    scene.send("running", hold=str(go_on))
    scene.wait_for_starts("running")
    proxy.forget_connections()
    scene.ledger.note_fault()

    # When the job ends, and others come
    go_on.touch()
    for n in range(20):
        scene.send(f"later-{n}")

    # Expect the worker to find out, to acknowledge over new connections, and to go on
    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert scene.ledger.done()["running"] == 1


def test_workers_survive_that_their_connections_are_killed(scene: Scene) -> None:
    scene.start_worker(threads=4)
    scene.send_many([f"job-{n}" for n in range(10_000)])
    scene.ledger.note_fault()

    for _ in range(20):
        scene.broker.client.client_kill_filter(_type="normal", skipme=True)
        time.sleep(0.05)

    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()


def test_workers_survive_that_their_scripts_are_forgotten(scene: Scene) -> None:
    scene.start_worker(threads=4)
    scene.ledger.note_fault()

    for n in range(200):
        scene.send(f"job-{n}")
        scene.send(f"failing-{n}", actor="fail_at_first")
        if n % 10 == 0:
            scene.broker.client.script_flush()

    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert set(scene.ledger.done().values()) == {1}


def test_a_full_server_is_drained_and_takes_messages_again(scene: Scene) -> None:
    # Given a backlog on a server that has no memory left
    for n in range(300):
        scene.send(f"job-{n}", actor="fail_at_first" if n % 3 == 0 else "job")
    scene.broker.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(BrokerUnavailable):
            scene.broker.enqueue(message("refused"))

        # When a worker starts, expect it to do everything, retries included
        scene.ledger.note_fault()
        scene.start_worker()
        scene.wait_until_all_is_done(timeout_seconds=30)
        scene.wait_until_nothing_is_left()
    finally:
        scene.broker.client.config_set("maxmemory", 0)
    scene.send("after")
    scene.wait_until_all_is_done(timeout_seconds=30)
    assert set(scene.ledger.done().values()) == {1}


def test_one_poisonous_payload_among_a_thousand_harms_no_other(scene: Scene) -> None:
    scene.send_many([f"before-{n}" for n in range(500)])
    scene.broker.client.hset("dramatiq:jobs.msgs", "poison", b"\xff\xfe no message")
    scene.broker.client.rpush("dramatiq:jobs", "poison")
    scene.send_many([f"after-{n}" for n in range(500)])
    scene.ledger.note_fault()

    scene.start_worker()

    scene.wait_until_all_is_done(timeout_seconds=30)
    scene.wait_until_nothing_is_left()
    assert scene.dead_letters() == {"poison"}
    assert scene.broker.client.hget("dramatiq:jobs.XQ.msgs", "poison") == b"\xff\xfe no message"
    assert set(scene.ledger.done().values()) == {1}
