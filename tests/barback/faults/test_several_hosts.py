"""A broker, workers and a producer, each on a host of its own."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest

from barback.embedded.binary import find_binary
from tests.barback.faults.conftest import ACTORS, READY
from tests.barback.faults.ledger import Ledger
from tests.support.network import Host, network
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

#: When a worker counts as dead although its connection exists, in milliseconds. The default is a
#: minute, which a test need not wait for.
HEARTBEAT_TIMEOUT_MS = 9_000


@dataclass
class Network:
    """The hosts, and what runs there."""

    broker: Host
    worker_hosts: list[Host]
    workers: list[TestProcess]
    producer: TestProcess
    ledger: Ledger

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more jobs took effect."""
        wanted = len(self.ledger.done()) + count
        eventually(lambda: len(self.ledger.done()) >= wanted, timeout_seconds=30)

    def finish(self) -> None:
        """Stop sending, and wait until each job that was accepted took effect."""
        assert self.producer.stop(60) == 0, self.producer.output
        self.ledger.promised |= set(self.producer.stdout.split())
        assert self.ledger.missing() == set()
        print(self.ledger.report())  # noqa: T201 - pytest -rP shows it

    def done_twice(self) -> set[str]:
        return {job_id for job_id, count in self.ledger.done().items() if count > 1}


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    with network("broker", "worker-a", "worker-b", "producer") as hosts:
        yield hosts


@pytest.fixture
def net(hosts: list[Host], start: ProcessStarter, tmp_path: Path) -> Network:
    broker, worker_a, worker_b, producer = hosts
    options = ["--bind", broker.address, "--protected-mode", "no", "--dir", str(tmp_path)]
    server = start(broker.command(find_binary(), *options))
    server.wait_for_output("Ready to accept connections")
    ledger = Ledger(tmp_path / "ledger")
    environment = {
        "FAULTS_REDIS_URL": f"redis://{broker.address}:6379/0",
        "FAULTS_LEDGER": str(ledger.path),
        "FAULTS_HEARTBEAT_TIMEOUT_MS": str(HEARTBEAT_TIMEOUT_MS),
    }
    small = ["--processes", "1", "--threads", "2"]
    workers = [
        start(host.command("dramatiq", ACTORS, *small), **environment)
        for host in (worker_a, worker_b)
    ]
    for worker in workers:
        worker.wait_for_output(READY)
    sending = start(producer.command("python", "-m", "tests.barback.faults.sender"), **environment)
    net = Network(broker, [worker_a, worker_b], workers, sending, ledger)
    net.wait_for_more(100)
    return net


def test_a_host_that_is_away_keeps_what_it_holds_until_its_time_is_over(net: Network) -> None:
    # When the cable of one host is out for a while, and another host is frozen meanwhile
    net.ledger.note_fault()
    net.worker_hosts[0].pull_the_cable()
    net.wait_for_more(50)
    frozen = psutil.Process(net.workers[1].pid).children(recursive=True)
    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    net.worker_hosts[0].plug_it_in()
    net.wait_for_more(50)
    for process in frozen:
        process.send_signal(signal.SIGCONT)
    net.wait_for_more(100)

    # Expect nothing to be taken from either
    assert net.done_twice() == set()

    # When the cable is out for good
    net.ledger.note_fault()
    net.worker_hosts[0].pull_the_cable()
    net.wait_for_more(50)

    # Expect what that host held to be done elsewhere, as everything else
    net.finish()
