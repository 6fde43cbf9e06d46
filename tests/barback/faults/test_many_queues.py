"""Workers of hundreds of queues: all are served, over a handful of connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback import RedisBroker
from barback.monitoring.workers import list_workers
from tests.barback.faults.ledger import Ledger
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: How long it is counted what idle workers ask of Redis, in seconds.
WATCH_SECONDS = 6.0

#: How long hundreds of threads may take to start on a busy machine, in seconds.
START_SECONDS = 90.0


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


class Fleet:
    """Worker processes of many queues.

    Parameters:
      broker: What sends to them.
      url: Where they find Redis.
      start: Starts processes.
      ledger_path: Where they write down what they do.
      queues: How many queues each process serves.
    """

    def __init__(
        self, broker: RedisBroker, url: str, start: ProcessStarter, ledger_path: Path, queues: int
    ) -> None:
        self._broker = broker
        self._url = url
        self._start = start
        self._ledger = Ledger(ledger_path)
        self._queues = queues
        self._sent = 0
        self._others = self._connected()

    def run(self, processes: int, *, pool: str = "default") -> None:
        """Start the processes, and wait until all of their consumers are there."""
        options = ["--processes", str(processes), "--threads", "2"]
        self._start(
            ["dramatiq", "tests.barback.faults.many_queues", *options],
            FAULTS_REDIS_URL=self._url,
            FAULTS_LEDGER=str(self._ledger.path),
            FAULTS_QUEUES=str(self._queues),
            FAULTS_POOL=pool,
        )
        eventually(
            lambda: self._consumers() == processes * self._queues,
            timeout_seconds=START_SECONDS,
            complaint=lambda: f"{self._consumers()} consumers",
        )

    def serve_each_queue(self) -> None:
        """Send a message to each queue, and expect each to be done, once."""
        for number in range(self._queues):
            self._sent += 1
            queue, actor, job = f"many-{number}", f"note-{number}", f"job-{self._sent}"
            self._broker.enqueue(dramatiq.Message(queue, actor, (job,), {}, {}))
        eventually(
            lambda: len(self._ledger.done()) == self._sent,
            complaint=lambda: f"{len(self._ledger.done())} of {self._sent} were done",
        )
        assert set(self._ledger.done().values()) == {1}

    def connections(self) -> int:
        """How many connections there are beside those of this test, and of those before it."""
        return len(self._connected() - self._others)

    def commands_per_second(self) -> float:
        """How much idle workers ask of Redis."""
        count, deadline = 0, time.monotonic() + WATCH_SECONDS
        with self._broker.client.monitor() as monitor:
            while time.monotonic() < deadline:
                count += monitor.next_command()["client_type"] != "lua"
        return count / WATCH_SECONDS

    def _connected(self) -> set[str]:
        own = self._broker.client.client_id()
        return {it["id"] for it in self._broker.client.client_list() if int(it["id"]) != own}

    def _consumers(self) -> int:
        return sum(len(worker.silence_seconds) for worker in list_workers(self._broker))


@pytest.mark.parametrize("pool", ["default", "few", "blocking"])
def test_a_hundred_queues_are_served_over_a_handful_of_connections(
    pool: str, broker: RedisBroker, redis_url: str, start: ProcessStarter, tmp_path: Path
) -> None:
    fleet = Fleet(broker, redis_url, start, tmp_path / "ledger", queues=100)

    fleet.run(2, pool=pool)
    fleet.serve_each_queue()

    # Expect those that the burst has left to be closed
    broker.store.close()
    eventually(
        lambda: fleet.connections() <= 40,
        complaint=lambda: f"{fleet.connections()} connections of 2 processes",
    )


def test_three_hundred_queues_cost_no_more_than_one_while_nothing_happens(
    broker: RedisBroker, redis_url: str, start: ProcessStarter, tmp_path: Path
) -> None:
    fleet = Fleet(broker, redis_url, start, tmp_path / "ledger", queues=300)
    fleet.run(4)
    fleet.serve_each_queue()

    # Some while: once a minute each queue is swept, and a burst has an aftermath.
    seen: list[float] = []

    def is_quiet() -> bool:
        seen.append(fleet.commands_per_second() / 4)
        return seen[-1] <= 2.0

    eventually(
        is_quiet,
        timeout_seconds=60.0,
        complaint=lambda: f"commands per second and process: {seen}",
    )
