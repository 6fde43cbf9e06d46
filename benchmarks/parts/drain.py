"""How many messages per second workers take from a full queue."""

from __future__ import annotations

from contextlib import suppress

import psutil

from benchmarks.harness.bench import Bench
from benchmarks.harness.records import Record
from benchmarks.harness.waiting import wait_until
from benchmarks.harness.workers import Workers

DEADLINE_SECONDS = 180.0


def drain(bench: Bench, ids: range, processes: int = 1) -> tuple[float, float]:
    """Start workers on a queue that has been filled, and wait until they have run it all.

    Returns: The messages per second, and the workers' memory at the end, in megabytes.
    """
    with bench.workers(processes) as workers:
        records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
        megabytes = memory_megabytes(workers)
        bench.count_deliveries(workers.records, ids)
    return rate(records), megabytes


def drain_some(bench: Bench, ids: range, count: int) -> float:
    """The rate over the first messages of a backlog that need not be drained to its end."""
    with bench.workers() as workers:
        wait_until(
            lambda: workers.records.count() >= count,
            seconds=DEADLINE_SECONDS,
            what=f"Running {count:,} messages",
        )
    return rate(workers.records.of(ids)[:count])


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


def memory_megabytes(workers: Workers) -> float:
    """The memory of all the workers' processes; what they share counts once (PSS).

    Where the system does not tell the PSS, as on macOS, it is the sum of their resident sets.
    """
    return sum(map(_bytes_of, workers.processes())) / 1_000_000


def _bytes_of(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    return 0
