"""How late a delayed message starts on a queue that has nothing else to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Workers
    from benchmarks.producer import Producer

MESSAGES = 100
FIRST_DELAY_MS = 1_000
#: No divisor of a second, so that the messages meet a periodic worker in all its phases.
GAP_MS = 37
DEADLINE_SECONDS = 30.0


def delayed_start_ms(bench: Bench, producer: Producer, workers: Workers) -> list[float]:
    """The milliseconds from when each message is due to when it is started."""
    ids = bench.new_ids(bench.scaled(MESSAGES))
    producer.ask(
        "send_due", first=ids.start, count=len(ids), delay_ms=FIRST_DELAY_MS, gap_ms=GAP_MS
    )
    records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
    return [round(record.wait_ms, 3) for record in records]
