"""How many messages per second workers take from a full queue."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures.memory import PeakMemory

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.records import Delivery, Record

DEADLINE_SECONDS = 120.0

#: For how long a message that is run twice may show up after the last one.
SETTLE_SECONDS = 0.2


@dataclass(frozen=True)
class Drain:
    """What came of a drain."""

    per_second: float
    peak_megabytes: float
    delivery: Delivery


def drain(bench: Bench, ids: range, processes: int) -> Drain:
    """Start workers on a queue that has been filled, and wait until they have run it all."""
    with bench.workers(processes) as workers:
        with PeakMemory(workers) as memory:
            workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
        time.sleep(SETTLE_SECONDS)
    return Drain(
        per_second=rate(workers.records.of(ids)),
        peak_megabytes=memory.megabytes,
        delivery=workers.records.delivery(ids),
    )


def rate(records: list[Record]) -> float:
    """The messages per second from when every process was at work.

    Processes start one after the other; before the last of them has run a message, the time counts
    for nothing. If that took half of the messages, it counts after all.
    """
    first_of_process: dict[int, int] = {}
    for at, record in enumerate(records):
        first_of_process.setdefault(record.pid, at)
    begin = max(first_of_process.values())
    if begin > len(records) // 2:
        begin = 0
    seconds = (records[-1].started_ns - records[begin].started_ns) / 1e9
    return (len(records) - 1 - begin) / seconds
