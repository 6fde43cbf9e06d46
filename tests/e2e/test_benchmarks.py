"""The benchmark, small: its harness, with real workers of Barback alone."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.bench import Bench
from benchmarks.catalog import SYSTEMS
from benchmarks.environments import Environment
from benchmarks.figures.enqueue import enqueue_one_by_one
from benchmarks.figures.pickup import pickup_ms
from benchmarks.figures.recovery import recovery
from benchmarks.measure import measure_throughput
from benchmarks.server import Server
from benchmarks.waiting import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.processes import ProcessStarter

BENCHMARKS = [sys.executable, "-m", "benchmarks"]


@pytest.fixture
def bench(redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Barback's, in the environment of these tests, with a hundredth of the messages."""
    with closing(Server(redis_url)) as server:
        yield Bench(SYSTEMS["ours"], Environment(Path(sys.prefix)), server, tmp_path, scale=0.01)


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_throughput_is_measured_and_each_message_is_delivered_once(bench: Bench) -> None:
    figures = measure_throughput(bench)

    for name in ("enqueue", "bulk", "drain_1", "drain_2"):
        assert figures[f"{name}_per_second"] > 100
    assert figures["peak_1_megabytes"] > 10
    for delivery in figures["delivery"].values():
        assert delivery["sent"] >= 600
        assert delivery["lost"] == delivery["duplicated"] == 0


def test_each_wait_for_an_idle_worker_is_measured(bench: Bench) -> None:
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
        waits = pickup_ms(bench, producer, workers, count=5, gap_ms=20)

    assert len(waits) == 5
    assert all(0 < wait < 5_000 for wait in waits)


def test_a_killed_worker_is_noticed_as_recovery(bench: Bench) -> None:
    with bench.producer() as producer:
        figures = recovery(bench, producer, kills=1)

    assert figures["kills"] == 1
    assert figures["kill_delivery"]["sent"] == 100
    assert figures["kill_delivery"]["lost"] == 0


def test_workers_that_do_not_work_are_reported_with_their_log(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that ends at once
    monkeypatch.setattr("benchmarks.bench.START_DEADLINE_SECONDS", 2.0)
    command = ["dramatiq", "no_such_module"]

    # Expect its end and the reason to be told
    with (
        bench.producer() as producer,
        pytest.raises(DeadlineError) as raised,
        bench.workers(commands=[command]) as workers,
    ):
        bench.warm_up(producer, workers)
    assert "ended with exit code" in raised.value.__notes__[0]
    assert "no_such_module" in raised.value.__notes__[0]


def test_no_worker_is_left_when_its_block_ends(bench: Bench) -> None:
    with bench.producer() as producer, bench.workers() as workers:
        enqueue_one_by_one(bench, producer, 10)
        processes = workers.processes()

    assert processes
    assert all(has_ended(process) for process in processes)


def test_a_server_in_use_is_refused(
    start: ProcessStarter, redis_url: str, redis_client: redis.Redis
) -> None:
    redis_client.set("something", "dear")

    run = start.run([*BENCHMARKS, "run", "--redis-url", redis_url])

    assert run.exit_code == 3
    assert "is not empty" in run.stderr
    assert redis_client.get("something") == "dear"


def test_a_server_that_is_away_is_reported(start: ProcessStarter, free_port: int) -> None:
    run = start.run([*BENCHMARKS, "run", "--redis-url", f"redis://127.0.0.1:{free_port}"])

    assert run.exit_code == 3
    assert "cannot be reached" in run.stderr
    assert "Traceback" not in run.stderr


def test_an_unknown_system_is_wrong_usage(start: ProcessStarter) -> None:
    run = start.run([*BENCHMARKS, "run", "--only", "ours,sidekiq"])

    assert run.exit_code == 2
    assert "'sidekiq' is none of ours, stock" in run.stderr


def test_a_result_of_another_form_is_an_error(start: ProcessStarter, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"hello": "world"}))

    run = start.run([*BENCHMARKS, "report", str(path)])

    assert run.exit_code == 1
    assert "is no result of a benchmark" in run.stderr
    assert "Traceback" not in run.stderr
