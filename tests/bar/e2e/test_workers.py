"""Workers as the tutorial starts them."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.polling import eventually
from tests.support.ports import free_port as another_free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from tests.support.processes import ProcessStarter, TestProcess


@pytest.mark.parametrize(
    ("queues", "others"),
    [(["beer"], ["coffee"]), (["coffee"], ["beer"]), (["beer", "coffee"], []), ([], [])],
    ids=["beer alone", "coffee alone", "both by name", "all"],
)
@pytest.mark.slow
def test_a_worker_serves_its_queues_and_never_touches_the_others(
    queues: list[str],
    others: list[str],
    start: ProcessStarter,
    start_worker: Callable[..., TestProcess],
    redis_client: redis.Redis,
) -> None:
    # Given a beer and a coffee
    start.run(["python", "producer.py"])

    # When a worker has served what is in its own queues
    worker = start_worker(*queues)
    for drink in {"beer", "coffee"} - set(others):
        worker.wait_for_output(f"Served  {drink} for order")

    # Expect the other order to be untouched
    for drink in others:
        assert f"{drink} for order" not in worker.output
        assert redis_client.llen(f"dramatiq:{drink}") == 1


@pytest.mark.slow
def test_a_worker_that_is_stopped_finishes_what_it_serves(
    start: ProcessStarter, start_worker: Callable[..., TestProcess], redis_client: redis.Redis
) -> None:
    # Given a worker that is serving a beer
    worker = start_worker("beer", BEER_SECONDS="1")
    start.run(["python", "producer.py", "--beers", "1"])
    worker.wait_for_output("Serving beer")

    # When it is told to stop
    assert worker.stop() == 0

    # Expect the beer to be served, and not to wait for another worker
    assert "Served  beer" in worker.output
    assert redis_client.llen("dramatiq:beer") == 0


def test_a_worker_with_wrong_settings_says_so_and_leaves(start: ProcessStarter) -> None:
    worker = start(["dramatiq", "actors", "--processes", "1"], BEER_SECONDS="soon")

    assert worker.wait() == 2
    assert "Error: the environment variable BEER_SECONDS is wrong" in worker.output


@pytest.mark.slow
def test_a_worker_started_by_a_procfile_is_stopped_gently(
    start: ProcessStarter, redis_client: redis.Redis, tmp_path: Path
) -> None:
    procfile = tmp_path / "Procfile"
    procfile.write_text("worker-beer: dramatiq actors -Q beer --processes 1")
    bar = start(["python", "procfile.py", str(procfile)], BEER_SECONDS="1")
    bar.wait_for_output("Worker process is ready")

    press_ctrl_c_while_a_beer_is_served(start, bar)

    assert redis_client.llen("dramatiq:beer") == 0


@pytest.mark.slow
def test_all_that_make_up_starts_is_stopped_gently(
    start: ProcessStarter, redis_client: redis.Redis, project_dir: Path, free_port: int
) -> None:
    # Given the website and a worker per queue
    bar = start(
        ["python", "procfile.py", "Procfile"],
        BEER_SECONDS="1.5",
        WEB_PORT=str(free_port),
        BARBACK_BOARD_PORT=str(another_free_port()),
    )
    bar.wait_for_output(f"The bar's website: http://127.0.0.1:{free_port}")
    processes = (project_dir / "Procfile").read_text().count("dramatiq actors")
    eventually(
        lambda: bar.output.count("Worker process is ready") == processes,
        timeout_seconds=50,
        complaint=lambda: bar.output,
    )

    press_ctrl_c_while_a_beer_is_served(start, bar)

    assert redis_client.llen("dramatiq:beer") == 0


def press_ctrl_c_while_a_beer_is_served(start: ProcessStarter, bar: TestProcess) -> None:
    """Expect the beer to be served before the end."""
    start.run(["python", "producer.py", "--beers", "1"])
    bar.wait_for_output("Serving beer")
    os.killpg(bar.pid, signal.SIGINT)
    assert bar.wait() == 130
    assert "Served  beer" in bar.output
    assert "Killing worker process" not in bar.output


@pytest.mark.slow
def test_a_worker_logs_json_that_names_the_message(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    worker = start_worker("beer", LOG_FORMAT="json")

    assert start.run(["python", "producer.py", "--beers", "1"]).exit_code == 0
    worker.wait_for_output("Served  beer")

    line = json.loads(next(each for each in worker.output.splitlines() if "Served" in each))
    assert (line["actor"], line["queue"], line["attempt"]) == ("serve_a_beer", "beer", 1)
    assert line["level"] == "INFO"
