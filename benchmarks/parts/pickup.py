"""How long a message waits for a worker that has nothing to do."""

from __future__ import annotations

import time

from benchmarks.harness.bench import Bench
from benchmarks.harness.producer import Producer
from benchmarks.harness.workers import Workers
from benchmarks.parts.part import Figure, Measurements, Part, percentiles

DEADLINE_SECONDS = 30.0

#: By the gap between messages in milliseconds: how many are sent.
MESSAGES = {20: 100, 1_300: 6}

#: For how long messages come at their pace before they count: a worker that has been idle for long
#: may be slower to wake than one that serves a steady trickle.
LEAD_IN_MS = 500

#: After its first message, a worker comes to rest.
REST_SECONDS = 1.0


def measure(bench: Bench) -> Measurements:
    bench.server.empty()
    figures: Measurements = {}
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
        time.sleep(REST_SECONDS)
        figures["idle_commands_per_second"], _ = bench.server.idle_load()
        for gap_ms, count in MESSAGES.items():
            waits = waits_ms(bench, producer, workers, count=count, gap_ms=gap_ms)
            figures[f"pickup_{gap_ms}_ms"] = waits
    return figures


def waits_ms(
    bench: Bench, producer: Producer, workers: Workers, *, count: int, gap_ms: int = 20
) -> list[float]:
    """Send messages at fixed times; return the milliseconds from each call to the task's start."""
    ids = bench.new_ids(LEAD_IN_MS // gap_ms + bench.scaled(count))
    producer.ask("pace", first=ids.start, count=len(ids), gap_seconds=gap_ms / 1000)
    records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
    measured = ids[LEAD_IN_MS // gap_ms :]
    return [record.wait_ms for record in records if record.message_id in measured]


PICKUP_P50, PICKUP_P99 = percentiles("pickup_20_ms", "wait, a message each 20 ms, ms")
RARE_P50, RARE_P99 = percentiles("pickup_1300_ms", "wait, a message each 1.3 s, ms")
IDLE = Figure(
    "idle_commands_per_second", "commands when idle, /s", digits=1, less_is_better=True,
    is_comparable=False,
)  # fmt: skip

PART = Part(
    name="pickup",
    measure=measure,
    figures=(PICKUP_P50, PICKUP_P99, RARE_P50, RARE_P99, IDLE),
)
