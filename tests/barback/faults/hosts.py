"""A broker, workers and a producer, each on a host of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.embedded.binary import find_binary
from tests.barback.faults.conftest import ACTORS, READY
from tests.barback.faults.ledger import Ledger
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.network import Host
    from tests.support.processes import ProcessStarter, TestProcess

#: When a worker counts as dead although its connection exists, in milliseconds. The default is a
#: minute, which a test need not wait for.
HEARTBEAT_TIMEOUT_MS = 15_000


@dataclass
class Network:
    """What runs on the hosts.

    Parameters:
      worker_hosts: The hosts of the workers.
      workers: The workers.
      producer: Sends without a pause.
      ledger: What was done.
    """

    worker_hosts: Sequence[Host]
    workers: list[TestProcess]
    producer: TestProcess
    ledger: Ledger

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more jobs took effect."""
        wanted = len(self.ledger.done()) + count
        eventually(
            lambda: len(self.ledger.done()) >= wanted,
            timeout_seconds=40,
            complaint=lambda: f"{self.producer.output[-300:]} {self.workers[-1].output[-2000:]}",
        )

    def finish(self) -> None:
        """Stop sending, and wait until each job that was accepted took effect."""
        assert self.producer.stop(60) == 0, self.producer.output
        self.ledger.promised |= set(self.producer.stdout.split())
        assert self.ledger.missing() == set()
        print(self.ledger.report())  # noqa: T201 - pytest -rP shows it

    def done_twice(self) -> set[str]:
        return {job_id for job_id, count in self.ledger.done().items() if count > 1}

    def longest_gap_seconds(self) -> float:
        """The longest time in which no job took effect, since the fault."""
        times = [e.at for e in self.ledger.entries("effect") if e.at >= self.ledger.fault_at]
        moments = sorted([self.ledger.fault_at, *times])
        return max(later - sooner for sooner, later in itertools.pairwise(moments))


def start_server(host: Host, directory: Path, start: ProcessStarter) -> str:
    """Start a server on a host; tells its URL."""
    options = ["--bind", host.address, "--protected-mode", "no", "--dir", str(directory)]
    server = start(host.command(find_binary(), *options))
    server.wait_for_output("Ready to accept connections")
    return f"redis://{host.address}:6379/0"


def start_programs(
    redis_url: str,
    worker_hosts: Sequence[Host],
    producer_host: Host,
    start: ProcessStarter,
    directory: Path,
    **variables: str,
) -> Network:
    """Start a worker on each host, and a producer."""
    ledger = Ledger(directory / "ledger")
    environment = {
        "FAULTS_REDIS_URL": redis_url,
        "FAULTS_LEDGER": str(ledger.path),
        "FAULTS_HEARTBEAT_TIMEOUT_MS": str(HEARTBEAT_TIMEOUT_MS),
        **variables,
    }
    small = ["--processes", "1", "--threads", "2"]
    workers = [
        start(host.command("dramatiq", ACTORS, *small), **environment) for host in worker_hosts
    ]
    for worker in workers:
        worker.wait_for_output(READY)
    sender = ["python", "-m", "tests.barback.faults.sender"]
    producer = start(producer_host.command(*sender), **environment)
    return Network(worker_hosts, workers, producer, ledger)
