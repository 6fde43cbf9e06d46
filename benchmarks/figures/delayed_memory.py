"""What delayed messages cost a worker in memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.figures.memory import PeakMemory

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.producer import Producer

MESSAGES = 100_000
DELAY_MS = 3_600_000

#: Time enough for a worker to take in whatever it takes in.
WATCH_SECONDS = 3.0


def delayed_messages_megabytes(bench: Bench, producer: Producer) -> float:
    """How much more memory a worker holds when many messages wait for their time."""
    without = _peak_megabytes(bench, producer)
    ids = bench.new_ids(bench.scaled(MESSAGES))
    producer.ask("send_delayed", first=ids.start, count=len(ids), delay_ms=DELAY_MS)
    return _peak_megabytes(bench, producer) - without


def _peak_megabytes(bench: Bench, producer: Producer) -> float:
    with bench.workers() as workers, PeakMemory(workers) as memory:
        bench.warm_up(producer, workers)
        time.sleep(WATCH_SECONDS)
    return memory.megabytes
