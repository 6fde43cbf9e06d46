"""How soon the messages of a killed worker run elsewhere, and whether any is lost.

Two workers share a steady stream of messages, each of which takes a while. One of them is killed
(SIGKILL to its whole process group), replaced, killed again, and so on; the other one lives.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress

from benchmarks.harness.bench import Bench
from benchmarks.harness.producer import Producer
from benchmarks.harness.records import Record
from benchmarks.harness.waiting import DeadlineError, wait_until
from benchmarks.harness.workers import Workers
from benchmarks.parts.part import BARBACK, Figure, Measurements, Part, percentiles

KILLS = 6
GAP_SECONDS = 0.01
TASK_SECONDS = 0.05
STREAM_MESSAGES = 100

#: What was sent before the kill and starts only so long after it had been held by the killed
#: worker: the other one is never that late.
LATE_SECONDS = 0.25

READY_DEADLINE_SECONDS = 60.0
RECOVERY_DEADLINE_SECONDS = 90.0


def measure(bench: Bench) -> Measurements:
    """Kill workers, and tell how long each recovery took."""
    bench.server.empty()
    records = bench.new_records()
    env = {"BENCHMARK_RECORD_AT_ONCE": "1", "BENCHMARK_TASK_SECONDS": str(TASK_SECONDS)}
    waits: list[list[float]] = []
    with bench.producer() as producer, bench.workers(records=records, env=env) as survivor:
        bench.warm_up(producer, survivor)
        for _ in range(bench.scaled(KILLS)):
            with bench.workers(records=records, env=env) as victim:
                waits.append(_kill(bench, producer, victim))
    return {
        "recovery_seconds": [max(each) for each in waits if each],
        "recovered_messages": float(sum(map(len, waits))),
    }


def _kill(bench: Bench, producer: Producer, victim: Workers) -> list[float]:
    """Kill a worker at work; return how many seconds its messages waited for another one."""
    _wait_until_at_work(bench, producer, victim)
    ids = bench.new_ids(STREAM_MESSAGES)
    producer.tell("pace", first=ids.start, count=len(ids), gap_seconds=GAP_SECONDS)
    time.sleep(len(ids) * GAP_SECONDS * random.uniform(0.4, 0.8))  # noqa: S311 - no secret
    killed_ns = time.monotonic_ns()
    victim.kill()
    producer.answer()
    with suppress(DeadlineError):  # what is missing is counted as lost
        victim.records.wait_for(ids, seconds=RECOVERY_DEADLINE_SECONDS)
    bench.count_deliveries(victim.records, ids)
    return _late_waits(victim.records.of(ids), killed_ns)


def _wait_until_at_work(bench: Bench, producer: Producer, victim: Workers) -> None:
    """Send messages until a new worker has run one."""

    def is_at_work() -> bool:
        ids = bench.new_ids(20)
        producer.ask("pace", first=ids.start, count=len(ids), gap_seconds=GAP_SECONDS)
        pids = {process.pid for process in victim.processes()}
        return any(record.pid in pids for record in victim.records.of(ids))

    wait_until(is_at_work, seconds=READY_DEADLINE_SECONDS, what="A worker's start")


def _late_waits(records: list[Record], killed_ns: int) -> list[float]:
    """The seconds from the kill to the start of each message that the killed worker had held."""
    late_ns = killed_ns + int(LATE_SECONDS * 1e9)
    return [
        round((record.started_ns - killed_ns) / 1e9, 3)
        for record in records
        if record.sent_ns < killed_ns and record.started_ns > late_ns
    ]


PART = Part(
    name="recovery",
    measure=measure,
    figures=(
        *percentiles("recovery_seconds", "from the kill to the last message, s", digits=1),
        Figure("recovered_messages", "messages in the killed ones' hands", is_comparable=False),
    ),
    systems=BARBACK,
    once=True,
)
