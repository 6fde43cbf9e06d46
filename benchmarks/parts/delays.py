"""How late a delayed message starts on a queue that has nothing else to do."""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.parts.part import DRAMATIQ, Measurements, Part, percentiles

MESSAGES = 100
FIRST_DELAY_MS = 1_000
#: No divisor of a second, so that the messages meet a periodic worker in all its phases.
GAP_MS = 37
DEADLINE_SECONDS = 30.0


def measure(bench: Bench) -> Measurements:
    bench.server.empty()
    ids = bench.new_ids(bench.scaled(MESSAGES))
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
        producer.ask(
            "send_due", first=ids.start, count=len(ids), delay_ms=FIRST_DELAY_MS, gap_ms=GAP_MS
        )
        records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
    return {"delayed_start_ms": [record.wait_ms for record in records]}


PART = Part(
    name="delays",
    measure=measure,
    figures=percentiles("delayed_start_ms", "start after it is due, ms", digits=1),
    systems=DRAMATIQ,
    once=True,
)
