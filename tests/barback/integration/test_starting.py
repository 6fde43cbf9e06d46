"""What ``dramatiq`` says when it starts a worker, in any project."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from barback.embedded import EmbeddedServer
from tests.conftest import program_environment
from tests.support.polling import eventually
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

PROJECT = """
import os

import dramatiq

from barback import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["URL"]))


@dramatiq.actor(queue_name="beer")
def pour(): ...


@dramatiq.actor(queue_name="coffee")
def brew(): ...
"""

LATE = """
import os

import dramatiq

from barback import RedisBroker


@dramatiq.actor
def pour(): ...


dramatiq.set_broker(RedisBroker(url=os.environ["URL"]))
"""


@pytest.fixture
def project(tmp_path: Path, project_dir: Path) -> Iterator[ProcessStarter]:
    """Starts programs beside a module of two actors."""
    (tmp_path / "kitchen.py").write_text(PROJECT)
    environment = program_environment(PYTHONPATH=str(project_dir))
    with ProcessStarter(cwd=tmp_path, env=environment, output_dir=tmp_path) as starter:
        yield starter


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("bear", "If the actor is new: is its module imported by the one that was started?"),
        ("beer,coffee", "Separate queues by spaces: beer coffee."),
    ],
)
def test_a_queue_that_no_actor_has_is_an_error_that_lists_those_there_are(
    given: str, hint: str, project: ProcessStarter, redis_url: str
) -> None:
    worker = project.run(["dramatiq", "kitchen", "-p", "2", "-Q", "coffee", given], URL=redis_url)

    # Once, whatever the number of processes
    assert worker.exit_code == 2
    said = [line for line in worker.output.splitlines() if line.startswith("Error")]
    expected = f"Error: no actor is on the queue '{given}'. There are: beer, coffee. {hint}"
    assert said == [expected]
    assert "Traceback" not in worker.output
    assert "ready for action" not in worker.output


def test_a_worker_says_what_it_serves_and_where_before_it_is_ready(
    project: ProcessStarter, redis_url: str
) -> None:
    worker = project(["dramatiq", "kitchen", "-p", "1", "-t", "3"], URL=redis_url)
    worker.wait_for_output("ready for action")

    serving, ready = (
        worker.output.index(text) for text in ("Serving beer, coffee on ", "ready for")
    )
    assert serving < ready
    assert "with 3 threads" in worker.output


def test_a_worker_whose_actors_were_declared_before_their_broker_says_what_to_do(
    project: ProcessStarter, tmp_path: Path, redis_url: str
) -> None:
    (tmp_path / "late.py").write_text(LATE)

    worker = project(["dramatiq", "late", "-p", "1"], URL=redis_url)

    worker.wait_for_output("Serving nothing: this broker has no actors. Set it before")


def test_a_worker_is_not_ready_before_its_broker_has_answered(
    project: ProcessStarter, tmp_path: Path
) -> None:
    # Given a broker that is away
    server = EmbeddedServer(tmp_path / "data")
    url = server.ensure()
    server.stop()
    worker = project(["dramatiq", "kitchen", "-p", "1", "-Q", "beer"], URL=url)
    worker.wait_for_output("waits for Redis")
    assert "ready for action" not in worker.output
    assert "Serving" not in worker.output

    # When it comes
    server.ensure()

    # Expect the worker to say so, once
    worker.wait_for_output("Worker process is ready for action.")
    assert "Serving beer on Valkey " in worker.output
    worker.stop()
    server.stop()
    assert worker.output.count("Serving") == 1


def test_a_server_that_would_lose_messages_is_refused_without_a_traceback(
    project: ProcessStarter, redis_url: str, redis_client: redis.Redis
) -> None:
    # Given a server that evicts keys
    redis_client.config_set("maxmemory", "500mb")
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        worker = project.run(["dramatiq", "kitchen", "-p", "2"], URL=redis_url)
    finally:
        redis_client.config_set("maxmemory-policy", "noeviction")
        redis_client.config_set("maxmemory", "0")

    assert worker.exit_code == 3
    assert worker.output.count("maxmemory-policy noeviction") == 1
    assert "Traceback" not in worker.output


@pytest.mark.usefixtures("project")
def test_a_worker_ends_with_its_terminal(redis_url: str, tmp_path: Path, project_dir: Path) -> None:
    # Given a worker in a terminal
    user, program = os.openpty()
    command = [sys.executable, "-m", "dramatiq", "kitchen", "-p", "1"]
    worker = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=program_environment(PYTHONPATH=str(project_dir), URL=redis_url),
        stdout=program,
        stderr=program,
        start_new_session=True,
    )
    os.close(program)
    try:
        said = b""
        while b"ready for action" not in said:
            said += os.read(user, 1024)

        # When it is closed
        os.close(user)
        os.killpg(worker.pid, signal.SIGHUP)

        # Expect it to end, and not to start anew
        assert worker.wait(timeout=60) == 129
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)


def test_a_worker_whose_main_process_was_killed_ends(
    project: ProcessStarter, redis_url: str, redis_client: redis.Redis
) -> None:
    # Given the two processes of a worker
    worker = project(["dramatiq", "kitchen", "-p", "2"], URL=redis_url)
    eventually(lambda: worker.output.count("ready for action") == 2)
    processes = psutil.Process(worker.pid).children(recursive=True)

    # When somebody kills the one that started them, and nothing but that
    os.kill(worker.pid, signal.SIGKILL)

    # Expect them to end as if they had been told to, and to be on no list
    _, left = psutil.wait_procs(processes, timeout=60)
    assert left == []
    eventually(
        lambda: not [it for it in redis_client.client_list() if it["name"].startswith("barback:")]
    )


def test_a_url_that_cannot_be_is_an_error_of_one_line(project: ProcessStarter) -> None:
    worker = project.run(["dramatiq", "kitchen", "-p", "1"], URL="redis//:secret@host")

    assert worker.exit_code == 3
    assert "[ERROR] The URL of the broker is wrong: it should look like redis://" in worker.output
    assert "Traceback" not in worker.output
    assert "secret" not in worker.output


def test_a_broker_that_cannot_even_be_made_is_an_error_of_one_line(
    project: ProcessStarter, free_port: int
) -> None:
    # Given a cluster none of whose servers is there to say where keys are
    worker = project.run(
        ["dramatiq", "kitchen", "-p", "1"], URL=f"redis+cluster://127.0.0.1:{free_port}"
    )

    assert worker.exit_code == 3
    assert "[ERROR] No server of the cluster can be reached" in worker.output
    assert "Traceback" not in worker.output
