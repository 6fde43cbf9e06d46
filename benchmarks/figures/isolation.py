"""What a queue of its own is good for: coffee's wait behind a backlog of beer.

The same orders, and as many workers, twice: once everything is on one queue, once beer and coffee
have a queue and a worker each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.system import THREADS
from benchmarks.waiting import wait_until

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Workers
    from benchmarks.producer import Producer
    from benchmarks.system import Command

#: The backlog: 2.5 s of work for two workers, 5 s for one.
BEERS = 800
COFFEES = 40
COFFEE_GAP_SECONDS = 0.05
START_DEADLINE_SECONDS = 60.0
DEADLINE_SECONDS = 60.0


def coffee_waits_ms(bench: Bench, *, on_shared: bool) -> list[float]:
    """Order many beers, then coffees at fixed times; return how long each coffee waited."""
    bench.server.empty()
    bar = _Bar(bench, on_shared=on_shared)
    with bench.producer("bar_producer") as producer, bench.workers(commands=bar.workers) as workers:
        bar.wait_until_open(producer, workers)
        bar.order_beers(producer, BEERS)
        coffees = bar.order_coffees(producer, COFFEES)
        records = workers.records.wait_for(coffees, seconds=DEADLINE_SECONDS)
    return [round(record.wait_ms, 3) for record in records]


class _Bar:
    """Beer and coffee, on one queue or on a queue each."""

    def __init__(self, bench: Bench, *, on_shared: bool) -> None:
        self._bench = bench
        self._on_shared = on_shared

    @property
    def workers(self) -> list[Command]:
        queues = ["shared", "shared"] if self._on_shared else ["beer", "coffee"]
        options = ["--processes", "1", "--threads", str(THREADS)]
        command = ["dramatiq", "benchmarks.systems.ours.bar", *options]
        return [[*command, "--queues", queue] for queue in queues]

    def order_beers(self, producer: Producer, count: int) -> None:
        ids = self._bench.new_ids(self._bench.scaled(count))
        producer.ask("send_beers", first=ids.start, count=len(ids), on_shared=self._on_shared)

    def order_coffees(self, producer: Producer, count: int) -> range:
        ids = self._bench.new_ids(self._bench.scaled(count))
        send = "send_coffee_on_shared" if self._on_shared else "send_coffee"
        gap = COFFEE_GAP_SECONDS
        producer.ask("pace", first=ids.start, count=len(ids), gap_seconds=gap, send=send)
        return ids

    def wait_until_open(self, producer: Producer, workers: Workers) -> None:
        """Order a little until both workers have served something."""

        def both_serve() -> bool:
            self.order_beers(producer, 1)
            self.order_coffees(producer, 1)
            return len(workers.records.pids()) == len(self.workers)

        wait_until(both_serve, seconds=START_DEADLINE_SECONDS, what="The workers' start")
