"""The whole bar on a cluster, and on servers that Sentinels watch: by its URL alone."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from examples.cluster.cluster import running_cluster
from tests.support.polling import eventually
from tests.support.sentinel import running_sentinels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

_RUNNING: dict[str, Any] = {"cluster": running_cluster, "sentinel": running_sentinels}


@pytest.fixture(params=_RUNNING)
def redis_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """In place of the URL of the one server that other tests share."""
    with _RUNNING[request.param](tmp_path / "servers") as servers:
        yield servers.url


def test_make_run_serves_both_drinks(start: ProcessStarter, redis_url: str) -> None:
    run = start.run(["make", "run", f"VENV={sys.prefix}"], REDIS_URL=redis_url)

    assert run.exit_code == 0, run.output
    for drink in ("beer   ", "coffee "):
        assert f"producer      | {drink} 1/1 done" in run.output
        assert f"Served  {drink.strip()}" in run.output
    # Expect nothing embedded to have been started
    assert "embedded" not in run.output


def _first_address(url: str) -> str:
    return url.split("://")[1].split(",", maxsplit=1)[0]


def test_a_url_of_another_kind_than_its_server_is_answered_with_the_right_one(
    start: ProcessStarter, redis_url: str, free_port: int
) -> None:
    def complaint(url: str) -> str:
        programs = [
            "python producer.py",
            "python scheduler.py run",
            "periodiq actors",
            "dramatiq actors -Q beer --processes 2",
            "python -m barback status",
        ]
        ended = [start(program.split(), REDIS_URL=url) for program in programs]
        assert [it.wait() for it in ended] == [3] * len(programs)
        for it in ended:
            assert "Traceback" not in it.output
            assert it.stderr.count("Error: ") == 1
        return ended[0].stderr

    first = _first_address(redis_url)
    if "cluster" in redis_url:
        assert "redis+cluster://host:6379" in complaint(f"redis://{first}/0")
        assert "answers like no Sentinel" in complaint(f"redis+sentinel://{first}/bar")
        gone = f"redis+cluster://127.0.0.1:{free_port}"
        expected = "No server of the cluster can be reached"
    else:
        assert "redis+sentinel://host:26379/SERVICE/0" in complaint(f"redis://{first}")
        assert "URL begins with redis://" in complaint(f"redis+cluster://{first}")
        assert "watches bar" in complaint(f"redis+sentinel://{first}/beer")
        gone = f"redis+sentinel://127.0.0.1:{free_port}/bar"
        expected = "No Sentinel names a primary of 'bar'"

    # And a server that is away to be no reason for those to end who can wait
    producer = start.run(["python", "producer.py"], REDIS_URL=gone)
    assert producer.exit_code == 3
    assert expected in producer.stderr


def test_every_program_of_the_bar_works(start: ProcessStarter, redis_url: str) -> None:
    def barback(*command: str) -> str:
        done = start.run(["python", "-m", "barback", *command])
        assert done.exit_code == 0, done.output
        return done.stdout

    def is_at_work(program: str) -> bool:
        check = ["python", "-m", "barback", "ticks", "--check", program]
        return start.run(check).exit_code == 0

    # Given the programs that stay
    stay = [
        start(command)
        for command in (
            ["dramatiq", "actors", "--processes", "1", "--threads", "2"],
            ["periodiq", "actors"],
            ["python", "scheduler.py", "run"],
        )
    ]

    # Expect both drinks to be served, and their results to arrive
    producer = start.run(["python", "producer.py", "--wait"])
    assert producer.exit_code == 0, producer.output
    assert "beer    1/1 done" in producer.output
    assert "coffee  1/1 done" in producer.output

    # Expect health checks to find the programs healthy, which have had their time to start
    barback("health", "--queue", "beer", "--queue", "coffee")
    for program in ("periodiq", "scheduler"):
        eventually(partial(is_at_work, program), complaint=f"{program} is not at work")

    # Expect a standing order to be taken
    added = start.run(["python", "scheduler.py", "add", "coffee", "--every", "60s", "--json"])
    assert json.loads(added.stdout)["drink"] == "coffee"

    # Expect an operator to see and to steer the queues
    barback("pause", "beer")
    seen = json.loads(barback("status", "--json"))
    assert [pause["queue_name"] for pause in seen["pauses"]] == ["beer"]
    assert {"beer", "coffee"} <= {queue["name"] for queue in seen["queues"]}
    assert len(seen["servers"]) == (3 if "cluster" in redis_url else 1)
    assert seen["workers"]
    ordered = start.run(["python", "producer.py", "--beers", "2"])
    assert ordered.exit_code == 0, ordered.output
    assert barback("purge", "beer", "--yes") == "2 deleted.\n"
    barback("resume", "beer")
    barback("dead", "list")
    barback("ticks")

    # And to leave when they are told to
    assert [process.stop() for process in stay] == [0] * len(stay)
