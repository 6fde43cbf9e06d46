"""Workers as the tutorial starts them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.processes import ProcessStarter, TestProcess

#: How many workers `make up` starts.
WORKERS = (Path(__file__).parents[2] / "Procfile").read_text().count("dramatiq actors")


@pytest.mark.parametrize(
    ("queues", "others"),
    [(["beer"], ["coffee"]), (["coffee"], ["beer"]), (["beer", "coffee"], []), ([], [])],
    ids=["beer alone", "coffee alone", "both by name", "all"],
)
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


def test_workers_started_by_a_procfile_are_stopped_gently(
    start: ProcessStarter, redis_client: redis.Redis, free_port: int
) -> None:
    # Given the website and a worker per queue, as `make up` starts them, and a beer in one of them
    bar = start(["python", "procfile.py", "Procfile"], BEER_SECONDS="1.5", WEB_PORT=str(free_port))
    bar.wait_for_output(f"The bar's website: http://127.0.0.1:{free_port}")
    eventually(
        lambda: bar.output.count("Worker process is ready") == WORKERS * (os.cpu_count() or 1),
        timeout_seconds=50,
        complaint=lambda: bar.output,
    )
    start.run(["python", "producer.py", "--beers", "1"])
    bar.wait_for_output("Serving beer")

    # When Ctrl-C is pressed
    os.killpg(bar.pid, signal.SIGINT)

    # Expect the beer to be served before the end
    assert bar.wait() == 130
    assert "Served  beer" in bar.output
    assert "Killing worker process" not in bar.output
    assert redis_client.llen("dramatiq:beer") == 0
