"""A broker, workers and a producer, each on a host of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.barback.faults.hosts import Network, start_programs, start_server
from tests.support.network import Cable, network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


@pytest.fixture
def net(start: ProcessStarter, tmp_path: Path) -> Iterator[Network]:
    with network("broker", "worker-a", "worker-b", "producer") as hosts:
        broker, worker_a, worker_b, producer = hosts
        redis_url = start_server(broker, tmp_path, start)
        net = start_programs(redis_url, [worker_a, worker_b], producer, start, tmp_path)
        net.wait_for_more(100)
        yield net


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


def test_nothing_is_lost_or_taken_over_a_long_and_bad_cable(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a broker from which every packet takes 50 ms, and where one in twenty is lost
    bad = {"broker": Cable(delay_seconds=0.05, loss=0.05)}
    with network("broker", "worker-a", "worker-b", "producer", cables=bad) as hosts:
        broker, worker_a, worker_b, producer = hosts
        redis_url = start_server(broker, tmp_path, start)
        net = start_programs(redis_url, [worker_a, worker_b], producer, start, tmp_path)
        net.wait_for_more(10)
        net.ledger.note_fault()
        net.wait_for_more(50)

        # Expect each job to be done, and none twice
        net.finish()
        assert net.done_twice() == set()
        print(f"longest pause {net.longest_gap_seconds():.1f} s")  # noqa: T201 - pytest -rP
