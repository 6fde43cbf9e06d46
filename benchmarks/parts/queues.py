"""Pick-up by a worker that serves many queues."""

from __future__ import annotations

from contextlib import suppress

from benchmarks.harness.bench import Bench
from benchmarks.harness.waiting import DeadlineError
from benchmarks.parts.part import DRAMATIQ, Curve, Figure, Measurements, Part, percentiles

SIZES = (1, 10, 100)
MESSAGES = 200
GAP_SECONDS = 0.02

#: How long each queue's first message may take, in seconds, before it counts as not served.
START_DEADLINE_SECONDS = 20.0
DEADLINE_SECONDS = 10.0


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    for size in bench.steps(SIZES):
        bench.server.empty()
        env = {"BENCHMARK_QUEUES": str(size)}
        with bench.producer(env=env) as producer, bench.workers(env=env) as workers:
            first = bench.new_ids(size)
            producer.ask("enqueue", first=first.start, count=size, to="all")
            with suppress(DeadlineError):
                workers.records.wait_for(first, seconds=START_DEADLINE_SECONDS)
            served = size - workers.records.delivery(first).lost
            ids = bench.new_ids(bench.scaled(MESSAGES))
            pace = {"gap_seconds": GAP_SECONDS, "to": "all"}
            producer.ask("pace", first=ids.start, count=len(ids), **pace)
            with suppress(DeadlineError):
                workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
            waits = [record.wait_ms for record in workers.records.of(ids)]
        figures |= {f"queues_{size}_served": float(served), f"queues_{size}_ms": waits}
    return figures


WAITS = tuple(
    (size, *percentiles(f"queues_{size}_ms", f"wait, queues: {size}, ms")) for size in SIZES
)
SERVED = tuple(
    Figure(f"queues_{size}_served", f"queues served, of {size}", is_comparable=False)
    for size in SIZES
)

PART = Part(
    name="queues",
    measure=measure,
    figures=(*(figure for _, *both in WAITS for figure in both), *SERVED),
    systems=DRAMATIQ,
    once=True,
    curves=(
        Curve(
            "Median wait for an idle worker, ms",
            "queues of the worker",
            tuple((size, median) for size, median, _ in WAITS),
        ),
    ),
)
