"""How many messages per second one producer sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.producer import Producer

#: As many as are sent before the clock starts: connections are made, scripts are loaded.
WARM_UP_MESSAGES = 100


def enqueue_one_by_one(bench: Bench, producer: Producer, count: int) -> tuple[range, float]:
    """Send messages in a loop. Return their ids, and how many were sent per second."""
    return _enqueue("enqueue", bench, producer, count)


def enqueue_in_bulk(bench: Bench, producer: Producer, count: int) -> tuple[range, float]:
    """Send messages in bulk. Return their ids, and how many were sent per second."""
    return _enqueue("enqueue_many", bench, producer, count)


def _enqueue(order: str, bench: Bench, producer: Producer, count: int) -> tuple[range, float]:
    warm_up, measured = bench.new_ids(WARM_UP_MESSAGES), bench.new_ids(count)
    producer.ask(order, first=warm_up.start, count=len(warm_up))
    seconds = producer.ask(order, first=measured.start, count=len(measured))
    return range(warm_up.start, measured.stop), count / seconds
