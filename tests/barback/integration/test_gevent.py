"""A worker of ``dramatiq-gevent``, whose threads are greenlets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback import RedisBroker
from barback.control import cancel, find
from tests.support.kitchen import running_kitchen, send
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import TestProcess

PROJECT = """
import os
import time

import dramatiq

from barback import RedisBroker
from barback.control import Control

broker = RedisBroker(url=os.environ["URL"])
broker.add_middleware(Control())
dramatiq.set_broker(broker)


@dramatiq.actor
def pour():
    time.sleep(0.5)
    print("poured", flush=True)


@dramatiq.actor(on_cancel="interrupt")
def guard():
    print("on guard", flush=True)
    while True:
        time.sleep(0.05)
"""

#: How long a worker that has nothing to do may take to end, in seconds.
END_SECONDS = 20


@pytest.fixture
def worker(tmp_path: Path, redis_url: str) -> Iterator[TestProcess]:
    with running_kitchen(
        PROJECT, tmp_path, url=redis_url, threads=20, program="dramatiq-gevent"
    ) as worker:
        yield worker


@pytest.mark.slow  # a worker of its own for each
def test_greenlets_work_side_by_side_and_the_worker_ends_when_it_is_told_to(
    worker: TestProcess, redis_url: str
) -> None:
    broker = RedisBroker(url=redis_url)
    for _ in range(20):
        send(broker, "pour")
    eventually(lambda: worker.output.count("poured") == 20, complaint=lambda: worker.output)

    worker.stop(END_SECONDS)
    assert worker.exit_code == 0
    assert "Worker has been shut down" in worker.output
    broker.close()


@pytest.mark.slow
def test_a_cancellation_interrupts_a_greenlet(worker: TestProcess, redis_url: str) -> None:
    broker = RedisBroker(url=redis_url)
    guard = str(send(broker, "guard").options["redis_message_id"])
    worker.wait_for_output("on guard")

    assert cancel(broker, guard) == "asked"
    eventually(
        lambda: find(broker, guard).state == "cancelled",
        complaint=lambda: f"{find(broker, guard)}",
    )
    broker.close()
