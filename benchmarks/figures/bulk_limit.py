"""What bulk enqueueing could reach at most: pushing the same payloads and doing nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.producer import Producer

MESSAGES = 50_000


def bare_rpush_per_second(bench: Bench, producer: Producer) -> float:
    count = bench.scaled(MESSAGES)
    return count / float(producer.ask("bare_rpush", count=count))
