"""Workers that are not left to end by themselves."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT_DIR, program_environment
from tests.support.kitchen import running_kitchen, send
from tests.support.polling import eventually
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback import RedisBroker
    from tests.support.processes import TestProcess

PROJECT = """
import os
import time

import dramatiq
from dramatiq.middleware import AsyncIO

from barback import RedisBroker

broker = RedisBroker(url=os.environ["URL"])
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)


@dramatiq.actor
def cook():
    print("cooking", flush=True)
    while True:
        time.sleep(0.05)


@dramatiq.actor
def talk():
    print("talking", flush=True)
    for _ in range(100):
        print("." * 1_000, flush=True)
        time.sleep(0.05)
"""


@pytest.fixture
def worker(tmp_path: Path, redis_url: str) -> Iterator[TestProcess]:
    with running_kitchen(PROJECT, tmp_path, url=redis_url, threads=1) as worker:
        yield worker


@pytest.mark.slow
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_with_an_event_loop_ends_at_the_second_signal(
    worker: TestProcess, broker: RedisBroker, second: signal.Signals
) -> None:
    # Given a worker that is told to stop, and waits for what it runs
    send(broker, "cook")
    worker.wait_for_output("cooking")
    worker.send_signal(signal.SIGTERM)
    worker.wait_for_output("Shutting down")

    # When its main process hears so again, or is killed
    worker.send_signal(second)

    # Expect that nothing of it is left
    worker.wait()
    eventually(lambda: not is_connected(broker))


@pytest.mark.slow
def test_a_worker_that_writes_much_ends_after_its_main_process_was_killed(
    worker: TestProcess, broker: RedisBroker
) -> None:
    # Given a worker that runs what writes a lot
    send(broker, "talk")
    worker.wait_for_output("talking")

    # When its main process, which passes on what it writes, is killed
    worker.send_signal(signal.SIGKILL)

    # Expect that it finishes that, and that nothing of it is left
    eventually(lambda: not is_connected(broker), timeout_seconds=30)
    assert not broker.client.exists("dramatiq:default.msgs")


@pytest.mark.slow
def test_workers_whose_log_nobody_reads_any_more_go_on_and_end_when_they_are_told_to(
    tmp_path: Path, broker: RedisBroker, redis_url: str
) -> None:
    # Given workers in a pipeline, whose other end leaves when they are ready
    (tmp_path / "kitchen.py").write_text(PROJECT)
    environment = program_environment(PYTHONPATH=str(PROJECT_DIR), URL=redis_url)
    pipeline = "dramatiq kitchen -p 2 -t 1 2>&1 | grep -m 2 ready"
    with ProcessStarter(cwd=tmp_path, env=environment, output_dir=tmp_path) as start:
        workers = start(["sh", "-c", pipeline])
        eventually(lambda: workers.stdout.count("ready for action") == 2)

        # When they run what writes a lot
        for _ in range(2):
            send(broker, "talk")

        # Expect that they finish that, and that nothing of them is left after Ctrl-C
        eventually(lambda: not broker.client.exists("dramatiq:default.msgs"), timeout_seconds=40)
        workers.send_signal_to_group(signal.SIGINT)
        eventually(lambda: not is_connected(broker))


def is_connected(broker: RedisBroker) -> bool:
    """Whether a worker is."""
    return any(client["name"].startswith("barback") for client in broker.client.client_list())
