"""The benchmark, small: its harness, with real workers of Barback alone."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from benchmarks.harness.bench import Bench
from benchmarks.harness.environments import Environment
from benchmarks.harness.machine import PROJECT_DIR
from benchmarks.harness.server import Server, private_server
from benchmarks.harness.slow_network import slow_network
from benchmarks.harness.waiting import DeadlineError
from benchmarks.parts import confirm, limits, priority, queues, recovery, throughput
from benchmarks.parts.pickup import waits_ms
from benchmarks.systems.catalog import SYSTEMS, older

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from benchmarks.harness.system import System
    from tests.support.processes import ProcessStarter

pytestmark = pytest.mark.slow

BENCHMARKS = [sys.executable, "-m", "benchmarks"]


@pytest.fixture
def system() -> System:
    return SYSTEMS["ours"]


@pytest.fixture
def bench(system: System, redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A system's, in the environment of these tests, with a hundredth of the messages."""
    with closing(Server(redis_url)) as server:
        yield Bench(system, Environment(Path(sys.prefix)), server, tmp_path, is_quick=True)


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("system", [SYSTEMS["ours"], SYSTEMS["stock"]], ids=lambda each: each.name)
def test_throughput_is_measured_and_each_message_is_delivered_once(bench: Bench) -> None:
    figures = throughput.measure(bench)

    for figure in (throughput.SEND, throughput.DRAIN_1, throughput.DRAIN_2):
        assert float(str(figures[figure.key])) > 100
    assert (throughput.BULK.key in figures) == (bench.system.name == "ours")
    assert float(str(figures[throughput.MEMORY.key])) > 10
    assert bench.delivery.sent >= bench.scaled(bench.system.messages_per_process * 3)
    assert bench.delivery.lost == bench.delivery.duplicated == 0


def test_each_wait_for_an_idle_worker_is_measured(bench: Bench) -> None:
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
        waits = waits_ms(bench, producer, workers, count=500)

    assert len(waits) == 5
    assert all(0 < wait < 5_000 for wait in waits)


@pytest.mark.parametrize("system", [older(PROJECT_DIR)])
def test_another_checkout_is_measured_by_its_own_barback(bench: Bench) -> None:
    # Given this checkout in the place of an older one
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)

    # Expect its barback, and nothing else of it, to come first
    [link] = bench.python_path()[0].iterdir()
    assert link.resolve() == PROJECT_DIR / "barback"


def test_a_slow_network_adds_to_each_round_trip() -> None:
    with (
        private_server({}) as near,
        slow_network(near.url, 0.001) as url,
        closing(Server(url)) as far,
    ):
        assert far.round_trip_ms() >= 2


@pytest.mark.parametrize("part", [priority, queues], ids=lambda each: each.PART.name)
def test_a_part_measures_figures_that_the_report_shows(bench: Bench, part: Any) -> None:
    figures = part.measure(bench)

    assert figures
    assert set(figures) <= {figure.key for figure in part.PART.figures}


@pytest.mark.parametrize("system", [SYSTEMS["ours"], SYSTEMS["stock"]], ids=lambda each: each.name)
def test_limits_are_measured_on_both_kinds_of_dramatiq(bench: Bench) -> None:
    figures = limits.measure(bench)

    names = {figure.key for figure in limits.PART.figures}
    of_ours = {name for name in names if name.startswith("remembered")}
    assert set(figures) == (names if bench.system.name == "ours" else names - of_ours)
    assert 0 <= float(str(figures["limits_fairness"])) <= 1
    assert bench.delivery.lost == bench.delivery.duplicated == 0


def test_a_confirmed_send_has_a_figure_or_the_reason_why_not(bench: Bench) -> None:
    figures = confirm.measure(bench)

    assert set(figures) == {figure.key for figure in confirm.PART.figures}
    # A replica can confirm on any server, fsync each second on none
    assert isinstance(figures["confirm_replica_send"], float)
    assert str(figures["confirm_everysec_disk_send"]).startswith("not supported: ")


def test_a_killed_worker_is_noticed_as_recovery(bench: Bench) -> None:
    figures = recovery.measure(bench)

    assert set(figures) == {figure.key for figure in recovery.PART.figures}
    assert bench.delivery.sent == 100
    assert bench.delivery.lost == 0


def test_workers_that_do_not_work_are_reported_with_their_log(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that ends at once
    monkeypatch.setattr("benchmarks.harness.bench.START_DEADLINE_SECONDS", 0.1)
    command = ["python", "-m", "no_such_module"]

    def warm_up() -> None:
        with bench.producer() as producer, bench.workers(commands=[command]) as workers:
            workers.commands[0].wait(30)
            bench.warm_up(producer, workers)

    # Expect its end and the reason to be told
    with pytest.raises(DeadlineError) as raised:
        warm_up()
    assert "ended with exit code" in raised.value.__notes__[0]
    assert "no_such_module" in raised.value.__notes__[0]


def test_no_worker_is_left_when_its_block_ends(bench: Bench) -> None:
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
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


def test_a_folder_that_is_no_checkout_is_wrong_usage(start: ProcessStarter, tmp_path: Path) -> None:
    run = start.run([*BENCHMARKS, "run", "--barback", str(tmp_path)])

    assert run.exit_code == 2
    assert "is no checkout of this repository" in run.stderr
    assert "git worktree add" in run.stderr


def test_a_result_of_another_form_is_an_error(start: ProcessStarter, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"hello": "world"}))

    run = start.run([*BENCHMARKS, "report", str(path)])

    assert run.exit_code == 1
    assert "is no result of a benchmark" in run.stderr
    assert "Traceback" not in run.stderr
