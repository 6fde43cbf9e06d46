"""What a queue of its own is good for: coffee's wait behind a backlog of beer.

The same orders, and as many workers, twice: once everything is on one queue, once beer and coffee
have a queue and a worker each.
"""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.harness.waiting import wait_until
from benchmarks.parts.part import Measurements, Part, percentiles

#: The backlog: 2.5 s of work for two workers, 5 s for one.
BEERS = 800
BEER_SECONDS = 0.05
COFFEES = 40
COFFEE_GAP_SECONDS = 0.05
DEADLINE_SECONDS = 60.0


def measure(bench: Bench) -> Measurements:
    return {
        "coffee_on_shared_queue_ms": _coffee_waits_ms(bench, queues=["queue-0"]),
        "coffee_on_own_queue_ms": _coffee_waits_ms(bench, queues=["queue-0", "queue-1"]),
    }


def _coffee_waits_ms(bench: Bench, queues: list[str]) -> list[float]:
    """Order many beers on the first queue, then coffees on the last, at fixed times."""
    bench.server.empty()
    env = {"BENCHMARK_QUEUES": str(len(queues))}
    worker = bench.system.worker_commands(1)[0]
    commands = [[*worker, "--queues", queue] for queue in (queues[0], queues[-1])]
    with bench.producer(env=env) as producer, bench.workers(commands=commands, env=env) as workers:

        def order(to: str, count: int) -> range:
            ids = bench.new_ids(count)
            pace = {"gap_seconds": COFFEE_GAP_SECONDS, "to": to}
            producer.ask("pace", first=ids.start, count=count, **pace)
            return ids

        def both_serve() -> bool:
            return bool(order("all", 2)) and len(workers.records.pids()) == len(commands)

        wait_until(both_serve, seconds=DEADLINE_SECONDS, what="The workers' start")
        beers = bench.new_ids(bench.scaled(BEERS))
        fill = {"first": beers.start, "count": len(beers), "task_seconds": BEER_SECONDS}
        producer.ask("fill", **fill)
        coffees = order("last", bench.scaled(COFFEES))
        records = workers.records.wait_for(coffees, seconds=DEADLINE_SECONDS)
    return [record.wait_ms for record in records]


PART = Part(
    name="isolation",
    measure=measure,
    figures=(
        *percentiles("coffee_on_shared_queue_ms", "coffee behind beer, one queue, ms", digits=0),
        *percentiles("coffee_on_own_queue_ms", "coffee on a queue of its own, ms", digits=1),
    ),
    systems=("ours",),
    once=True,
)
