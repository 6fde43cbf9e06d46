"""What limits cost, whom they hold up, and what it costs to remember messages that have ended."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from benchmarks.harness.bench import Bench
from benchmarks.harness.records import Record
from benchmarks.harness.waiting import DeadlineError
from benchmarks.parts.drain import DEADLINE_SECONDS, rate
from benchmarks.parts.part import Figure, Measurements, Part, percentiles

MESSAGES = 10_000
KEYS = 100

#: One key has so many messages to run one by one, each of which takes so long, while others come.
BUSY_MESSAGES = 1_000
BUSY_SECONDS = 0.01
OTHER_MESSAGES = 200
GAP_SECONDS = 0.02


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    plain, _ = _drain(bench, "", "first")
    limited, _ = _drain(bench, "limits", "keys")
    figures["limits_plain_per_second"] = rate(plain)
    figures["limits_keys_per_second"] = rate(limited)
    figures["limits_fairness"] = _fairness(limited)
    figures["limits_other_ms"] = _waits_beside_a_busy_key_ms(bench)
    if bench.system.name == "ours":
        remembered, bytes_more = _drain(bench, "remember", "first")
        figures["remembered_per_second"] = rate(remembered)
        figures["remembered_bytes"] = bytes_more / len(remembered)
    return figures


def _drain(bench: Bench, control: str, to: str) -> tuple[list[Record], float]:
    """Fill a queue and drain it by one process. What it leaves in the server, in bytes, comes back
    as well.
    """
    bench.server.empty()
    env, ids = {"BENCHMARK_CONTROL": control}, bench.new_ids(bench.scaled(MESSAGES))
    before = bench.server.used_bytes()
    with bench.producer(env=env) as producer:
        producer.ask("fill", first=ids.start, count=len(ids), to=to)
    with bench.workers(env=env) as workers:
        records = workers.records.wait_for(ids, seconds=DEADLINE_SECONDS)
        bench.count_deliveries(workers.records, ids)
    return records, bench.server.used_bytes() - before


def _fairness(records: list[Record]) -> float:
    """When half is done: how many messages of the slowest key, for one of the fastest."""
    done = Counter(record.message_id % KEYS for record in records[: len(records) // 2])
    return min(done[key] for key in {record.message_id % KEYS for record in records}) / max(
        done.values()
    )


def _waits_beside_a_busy_key_ms(bench: Bench) -> list[float]:
    bench.server.empty()
    env = {"BENCHMARK_CONTROL": "limits"}
    with bench.producer(env=env) as producer, bench.workers(env=env) as workers:
        bench.warm_up(producer, workers)
        busy = bench.new_ids(bench.scaled(BUSY_MESSAGES))
        others = bench.new_ids(bench.scaled(OTHER_MESSAGES))
        producer.ask(
            "fill", first=busy.start, count=len(busy), to="busy", task_seconds=BUSY_SECONDS
        )
        pace = {"gap_seconds": GAP_SECONDS, "to": "keys"}
        producer.ask("pace", first=others.start, count=len(others), **pace)
        with suppress(DeadlineError):
            workers.records.wait_for(others, seconds=DEADLINE_SECONDS)
        return [record.wait_ms for record in workers.records.of(others)]


PART = Part(
    name="limits",
    measure=measure,
    figures=(
        Figure("limits_plain_per_second", "drained by 1 process, no limit, /s"),
        Figure("limits_keys_per_second", "100 keys, one at a time each, /s"),
        Figure("limits_fairness", "slowest key for one of the fastest", digits=2),
        *percentiles("limits_other_ms", "wait beside a busy key, ms"),
        Figure("remembered_per_second", "drained and remembered, /s"),
        Figure("remembered_bytes", "server: a remembered message, bytes", less_is_better=True),
    ),
    systems=("ours", "stock"),
    once=True,
)
