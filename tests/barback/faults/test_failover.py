"""Servers that die, join and pass queues on, under load: in a cluster, and watched by Sentinels."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
import redis

from barback import RedisBroker
from barback.errors import BrokerUnavailable
from examples.cluster.cluster import Cluster, joining_server, running_cluster
from tests.barback.faults.conftest import Scene
from tests.barback.faults.producer import Producer
from tests.support.polling import eventually
from tests.support.sentinel import Watched, running_sentinels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.cluster.servers import Server
    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

in_a_cluster = pytest.mark.parametrize("running", [running_cluster])


@pytest.fixture(params=[running_cluster, running_sentinels])
def running(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.fixture
def group(running: object, tmp_path: Path) -> Iterator[Cluster | Watched]:
    with running(tmp_path / "servers") as group:  # type: ignore[operator]
        yield group


@pytest.fixture
def scene(group: Cluster | Watched, start: ProcessStarter, tmp_path: Path) -> Iterator[Scene]:
    with contextlib.closing(Scene(group.url, start, tmp_path / "ledger")) as scene:
        yield scene


def test_what_was_confirmed_is_done_though_the_primary_is_killed(
    group: Cluster | Watched, scene: Scene
) -> None:
    # Given two workers, and a producer whose jobs a replica has confirmed
    scene.start_worker()
    scene.start_worker()
    queue = scene.broker.store.keys("jobs").queue
    with Producer(scene, confirm="replicas:1") as producer:
        producer.wait_for_more(200)

        # When the server that holds the queue is killed
        scene.ledger.note_fault()
        killed = group.primary_of(queue)
        killed.kill()

        # Expect a replica to take over, and all to follow it
        eventually(lambda: group.primary_of(queue) is not killed, timeout_seconds=30)
        promoted_at = time.monotonic()
        if isinstance(group, Cluster):
            producer.confirm = None  # there is no replica left that could
        producer.wait_for_more(200)
        print(f"work goes on {time.monotonic() - promoted_at:.1f} s after")  # noqa: T201
    producer.finish()


@in_a_cluster
def test_nothing_is_lost_when_a_server_joins_and_takes_a_busy_queue_over(
    group: Cluster, scene: Scene, tmp_path: Path
) -> None:
    # Given a worker and a producer
    worker = scene.start_worker()
    store = scene.broker.store
    with joining_server(group, tmp_path / "joining") as newcomer:
        with Producer(scene) as producer:
            producer.wait_for_more(200)

            # When a server joins, and takes over the slots of the queue and of the list of workers
            scene.ledger.note_fault()
            for key in (store.keys("jobs").queue, store.fleet_keys.workers):
                _move_slot(group.primary_of(key), newcomer, key)

            # Expect the work to go on there, and the worker to say there who it is
            producer.wait_for_more(200)
            newcomer.call("DEL", store.fleet_keys.workers)
            eventually(lambda: newcomer.call("EXISTS", store.fleet_keys.workers))
        producer.finish()
        assert worker.exit_code is None


@in_a_cluster
def test_a_worker_outlives_the_whole_cluster(group: Cluster, scene: Scene) -> None:
    # Given a worker that has worked
    worker = scene.start_worker()
    scene.send("before")
    scene.wait_for_effects(1)

    # When every server is gone
    for server in group.servers:
        server.kill()

    # Expect a producer to be told so in the usual way, and the worker to wait for better times
    with pytest.raises(BrokerUnavailable):
        scene.send("meanwhile")
    with pytest.raises(BrokerUnavailable):
        RedisBroker(url=scene.redis_url)
    with scene.broker.client.pipeline() as pipeline:
        pipeline.get("anything")
        with pytest.raises(redis.ConnectionError):
            pipeline.execute()
    worker.wait_for_output("[WARNING]")
    assert worker.exit_code is None
    assert "Traceback" not in worker.output, worker.output


def _move_slot(source: Server, target: Server, key: str) -> None:
    """Move the slot of a busy key by hand, as `redis-cli --cluster reshard` does. Clients are told
    to ask elsewhere meanwhile.
    """
    slot = source.call("CLUSTER", "KEYSLOT", key)
    source_id, target_id = source.call("CLUSTER", "MYID"), target.call("CLUSTER", "MYID")
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
        source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    eventually(lambda: "errorstat_ASK" in source.call("INFO", "errorstats"))
    for server in (target, source):
        server.call("CLUSTER", "SETSLOT", slot, "NODE", target_id)
