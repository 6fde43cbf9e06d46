"""What messages cost in memory while they wait."""

from __future__ import annotations

import time

from benchmarks.harness.bench import Bench
from benchmarks.harness.producer import Producer
from benchmarks.parts.drain import memory_megabytes
from benchmarks.parts.part import DRAMATIQ, Figure, Measurements, Part

MESSAGES = 20_000
DELAY_MS = 3_600_000

#: Time enough for a worker to take in whatever it takes in.
WATCH_SECONDS = 3.0


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    count = bench.scaled(MESSAGES)
    with bench.producer() as producer:
        bench.server.empty()
        figures["bytes_per_waiting"] = _bytes_each(bench, producer, "enqueue", count)
        bench.server.empty()
        without = _worker_megabytes(bench, producer)
        delayed = _bytes_each(bench, producer, "send_delayed", count, delay_ms=DELAY_MS)
        figures["bytes_per_delayed"] = delayed
        figures["worker_megabytes_more"] = _worker_megabytes(bench, producer) - without
    return figures


def _bytes_each(
    bench: Bench, producer: Producer, order: str, count: int, **arguments: int
) -> float:
    ids, before = bench.new_ids(count), bench.server.used_bytes()
    producer.ask(order, first=ids.start, count=count, **arguments)
    return (bench.server.used_bytes() - before) / count


def _worker_megabytes(bench: Bench, producer: Producer) -> float:
    with bench.workers() as workers:
        bench.warm_up(producer, workers)
        time.sleep(WATCH_SECONDS)
        return memory_megabytes(workers)


PART = Part(
    name="memory",
    measure=measure,
    figures=(
        Figure("bytes_per_waiting", "server: a waiting message, bytes", less_is_better=True),
        Figure("bytes_per_delayed", "server: a delayed message, bytes", less_is_better=True),
        Figure(
            "worker_megabytes_more", "worker: all the delayed ones, MB more", digits=1,
            less_is_better=True, is_comparable=False,
        ),
    ),
    systems=DRAMATIQ,
    once=True,
)  # fmt: skip
