"""How long a message waits for a worker that has nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Workers
    from benchmarks.producer import Producer

DEADLINE_SECONDS = 30.0

#: For how long messages come at their pace before they count: a worker that has been idle for long
#: may be slower to wake than one that serves a steady trickle.
LEAD_IN_MS = 500


def pickup_ms(
    bench: Bench, producer: Producer, workers: Workers, *, count: int, gap_ms: int
) -> list[float]:
    """Send messages at fixed times; return the milliseconds from each call to the task's start."""
    ids = bench.new_ids(LEAD_IN_MS // gap_ms + count)
    producer.ask("pace", first=ids.start, count=len(ids), gap_seconds=gap_ms / 1000)
    records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
    return [round(record.wait_ms, 3) for record in records if record.message_id in ids[-count:]]
