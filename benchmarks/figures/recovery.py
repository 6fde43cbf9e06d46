"""How soon the messages of a killed worker run elsewhere, and whether any is lost.

Two workers share a steady stream of messages, each of which takes a while. One of them is killed
(SIGKILL to its whole process group), replaced, killed again, and so on; the other one lives.
"""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.records import Delivery
from benchmarks.waiting import DeadlineError, wait_until

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Workers
    from benchmarks.producer import Producer
    from benchmarks.records import Record, Records

KILLS = 10
GAP_SECONDS = 0.01
TASK_SECONDS = 0.05
STREAM_MESSAGES = 100

#: What was sent before the kill and starts only so long after it had been held by the killed
#: worker: the other one is never that late.
LATE_SECONDS = 0.25

READY_DEADLINE_SECONDS = 60.0
RECOVERY_DEADLINE_SECONDS = 90.0


@dataclass(frozen=True)
class Kill:
    """What came of a kill: how long the messages of the killed worker waited for another one."""

    waits_seconds: list[float]
    delivery: Delivery

    @property
    def recovery_seconds(self) -> float:
        return max(self.waits_seconds, default=0.0)


def recovery(bench: Bench, producer: Producer, kills: int = KILLS) -> dict[str, Any]:
    """Kill workers, and tell how long each recovery took, and what was lost or run twice."""
    records = bench.new_records()
    options = {
        "records": records,
        "BENCHMARK_RECORD_AT_ONCE": "1",
        "BENCHMARK_TASK_SECONDS": str(TASK_SECONDS),
    }
    with bench.workers(**options) as survivor:  # type: ignore[arg-type]
        bench.warm_up(producer, survivor)
        found = []
        for _ in range(kills):
            with bench.workers(**options) as victim:  # type: ignore[arg-type]
                found.append(_kill(bench, producer, victim))
    return {
        "recovery_seconds": [kill.recovery_seconds for kill in found if kill.waits_seconds],
        "recovered_messages": sum(len(kill.waits_seconds) for kill in found),
        "kills": len(found),
        "kill_delivery": asdict(_together([kill.delivery for kill in found])),
    }


def _kill(bench: Bench, producer: Producer, victim: Workers) -> Kill:
    _wait_until_at_work(bench, producer, victim)
    ids = bench.new_ids(STREAM_MESSAGES)
    producer.tell("pace", first=ids.start, count=len(ids), gap_seconds=GAP_SECONDS)
    time.sleep(len(ids) * GAP_SECONDS * random.uniform(0.4, 0.8))  # noqa: S311 - no secret
    killed_ns = time.monotonic_ns()
    victim.kill()
    producer.answer()
    _wait_until_done(victim.records, ids)
    waits = _late_waits(victim.records.of(ids), killed_ns)
    return Kill(waits, victim.records.delivery(ids))


def _wait_until_at_work(bench: Bench, producer: Producer, victim: Workers) -> None:
    """Send messages until a new worker has run one."""

    def is_at_work() -> bool:
        ids = bench.new_ids(20)
        producer.ask("pace", first=ids.start, count=len(ids), gap_seconds=GAP_SECONDS)
        pids = {process.pid for process in victim.processes()}
        return any(record.pid in pids for record in victim.records.of(ids))

    wait_until(is_at_work, seconds=READY_DEADLINE_SECONDS, what="A worker's start")


def _wait_until_done(records: Records, ids: range) -> None:
    try:
        records.wait_for(ids, seconds=RECOVERY_DEADLINE_SECONDS)
    except DeadlineError:
        return  # what is missing will be counted as lost


def _late_waits(records: list[Record], killed_ns: int) -> list[float]:
    """The seconds from the kill to the start of each message that the killed worker had held."""
    late_ns = killed_ns + int(LATE_SECONDS * 1e9)
    return [
        round((record.started_ns - killed_ns) / 1e9, 3)
        for record in records
        if record.sent_ns < killed_ns and record.started_ns > late_ns
    ]


def _together(deliveries: list[Delivery]) -> Delivery:
    return Delivery(
        sent=sum(each.sent for each in deliveries),
        lost=sum(each.lost for each in deliveries),
        duplicated=sum(each.duplicated for each in deliveries),
    )
