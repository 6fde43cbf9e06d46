"""The bar on a Redis of one's own, instead of the embedded Valkey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from tests.support.polling import eventually
from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def start_redis(start: ProcessStarter, free_port: int, tmp_path: Path) -> Callable[..., str]:
    """Start a Redis 7 with a password on a loopback port, and return its URL."""

    def start_redis(*options: str) -> str:
        redis_server = require_program("redis-server", install="apt-get install redis-server")
        listen = ["--port", str(free_port), "--bind", "127.0.0.1", "--requirepass", "secret"]
        start([redis_server, *listen, "--dir", str(tmp_path), "--save", "", *options])
        url = f"redis://:secret@127.0.0.1:{free_port}/3"
        eventually(lambda: answers(url))
        return url

    return start_redis


@pytest.fixture
def own_redis_url(start_redis: Callable[..., str]) -> str:
    return start_redis()


@pytest.mark.slow
def test_the_tutorial_works_on_a_redis_of_one_s_own(
    own_redis_url: str,
    start: ProcessStarter,
    start_worker: Callable[..., TestProcess],
    tmp_path: Path,
) -> None:
    # Given a worker per queue, told of that Redis
    beer = start_worker("beer", REDIS_URL=own_redis_url)
    coffee = start_worker("coffee", REDIS_URL=own_redis_url)

    # When both drinks are ordered
    run = start.run(["python", "producer.py", "--wait"], REDIS_URL=own_redis_url)

    # Expect them to be served, each by its worker, and no embedded server to be started
    assert run.exit_code == 0, run.output
    beer.wait_for_output("Served  beer")
    coffee.wait_for_output("Served  coffee")
    assert not (tmp_path / "data" / "valkey").exists()


def test_status_names_the_server_but_not_its_password(
    own_redis_url: str, start: ProcessStarter
) -> None:
    run = start.run(["python", "-m", "barback", "status"], REDIS_URL=own_redis_url)

    assert run.exit_code == 0
    assert run.stdout.startswith("Redis 7.")
    assert "secret" not in run.output


def test_a_redis_that_may_drop_messages_is_refused_with_the_reason(
    start_redis: Callable[..., str], start: ProcessStarter
) -> None:
    url = start_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")

    run = start.run(["python", "producer.py"], REDIS_URL=url)

    assert run.exit_code == 3
    assert "allkeys-lru" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_cluster_that_cannot_be_reached_is_an_error_for_a_person(
    start: ProcessStarter, free_port: int
) -> None:
    nobody = f"redis+cluster://127.0.0.1:{free_port}"
    for command in (["python", "producer.py"], ["python", "-m", "barback", "status"]):
        program = start.run(command, REDIS_URL=nobody)

        assert program.exit_code == 3
        assert "No server of the cluster can be reached" in program.stderr
        assert "Traceback" not in program.output
