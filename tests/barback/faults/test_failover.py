"""A cluster whose servers die, and whose keys move, under load."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
import redis

from barback import RedisBroker
from barback.errors import BrokerUnavailable
from examples.cluster.cluster import Cluster, running_cluster
from tests.barback.faults.conftest import Scene
from tests.barback.faults.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.cluster.servers import Server
    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def scene(cluster: Cluster, start: ProcessStarter, tmp_path: Path) -> Iterator[Scene]:
    with contextlib.closing(Scene(cluster.url, start, tmp_path / "ledger")) as scene:
        yield scene


def test_what_was_confirmed_is_done_though_a_primary_is_killed(
    cluster: Cluster, scene: Scene
) -> None:
    # Given two workers, and a producer whose jobs a replica has confirmed
    scene.start_worker()
    scene.start_worker()
    with Producer(scene, confirm="replicas:1") as producer:
        producer.wait_for_more(200)

        # When the server that holds the queue is killed
        scene.ledger.note_fault()
        cluster.primary_of(scene.broker.store.keys("jobs").queue).kill()

        # Expect its replica to take over, and the work to go on; there is no replica left that
        # could confirm
        producer.confirm = None
        producer.wait_for_more(200)
    scene.wait_until_all_is_done(timeout_seconds=30)
    print(f"refused or not confirmed: {producer.refused}")  # noqa: T201 - pytest -rP shows it
    scene.wait_until_nothing_is_left()


def test_nothing_is_lost_when_a_busy_queue_moves_to_another_server(
    cluster: Cluster, scene: Scene
) -> None:
    # Given a worker and a producer
    scene.start_worker()
    with Producer(scene) as producer:
        producer.wait_for_more(200)

        # When the queue's slot moves to another primary
        scene.ledger.note_fault()
        _move_slot(cluster, scene.broker.store.keys("jobs").queue)

        # Expect the work to go on there
        producer.wait_for_more(200)
    scene.wait_until_all_is_done(timeout_seconds=30)
    print(f"refused: {producer.refused}")  # noqa: T201 - pytest -rP shows it
    scene.wait_until_nothing_is_left()


def test_a_worker_outlives_the_whole_cluster(cluster: Cluster, scene: Scene) -> None:
    # Given a worker that has worked
    worker = scene.start_worker()
    scene.send("before")
    scene.wait_for_effects(1)

    # When every server is gone
    for server in cluster.servers:
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
    assert "Traceback" not in worker.output


def _move_slot(cluster: Cluster, key: str) -> None:
    """Move the slot of a key by hand, key by key, as `redis-cli --cluster reshard` does."""
    source = cluster.primary_of(key)
    target = next(server for server in cluster.primaries if server is not source)
    slot = source.call("CLUSTER", "KEYSLOT", key)
    source_id, target_id = source.call("CLUSTER", "MYID"), target.call("CLUSTER", "MYID")
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
        _migrate(source, target, keys)
    for server in (target, source):
        server.call("CLUSTER", "SETSLOT", slot, "NODE", target_id)


def _migrate(source: Server, target: Server, keys: list[str]) -> None:
    source.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
