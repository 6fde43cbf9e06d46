"""How much memory a worker uses for what it takes ahead."""

from __future__ import annotations

import contextlib
from itertools import takewhile
from typing import Any

import dramatiq
import pytest

from barback import RedisBroker
from barback.consuming.prefetch import MAX_BYTES
from tests.support.polling import eventually

LARGE_BYTES = 1_000_000


def message(payload: str) -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", "job", (payload,), {}, {})


@pytest.mark.slow
def test_large_messages_behind_many_small_ones_are_taken_a_few_at_a_time(
    broker: RedisBroker,
) -> None:
    # Given a worker that takes many small messages ahead, and large ones behind them
    broker.enqueue_many(message("small") for _ in range(1_500))
    broker.enqueue_many(message("x" * LARGE_BYTES) for _ in range(50))
    consumer: Any = broker.consume("jobs", prefetch=500, timeout=20)

    # When it takes and finishes them, expect it never to hold much more than it may
    most = 0
    with contextlib.closing(consumer):
        for _ in range(1_550):
            taken = eventually(lambda: next(consumer))
            most = max(most, consumer._in_flight.held_bytes())
            consumer.ack(taken)
    assert LARGE_BYTES < most < MAX_BYTES + 2 * LARGE_BYTES


def test_a_claim_reads_hardly_more_large_messages_than_it_takes(broker: RedisBroker) -> None:
    # Given many large messages, and a worker that would take as many small ones
    broker.enqueue_many(message("x" * LARGE_BYTES) for _ in range(40))
    consumer: Any = broker.consume("jobs", prefetch=500, timeout=20)

    # When it takes some
    with contextlib.closing(consumer), broker.client.monitor() as monitor:
        eventually(lambda: next(consumer))
        taken = len(consumer._in_flight.held)
        broker.client.echo("taken")
        seen = takewhile(lambda it: not it["command"].startswith("ECHO"), monitor.listen())
        reads = [it["command"].split() for it in seen if it["command"].startswith("HMGET")]

    # Expect the server not to have read all those that it would have had to put back
    assert 1 < taken < 10
    assert sum(len(ids) for _, _key, *ids in reads) <= 2 * taken


def test_a_message_that_is_larger_than_all_the_memory_for_them_is_taken_alone(
    redis_url: str,
) -> None:
    with contextlib.closing(RedisBroker(url=redis_url, max_message_bytes=10**8)) as broker:
        broker.enqueue_many(message("x" * 2 * MAX_BYTES) for _ in range(3))
        consumer: Any = broker.consume("jobs", prefetch=500, timeout=20)
        with contextlib.closing(consumer):
            for _ in range(3):
                taken = eventually(lambda: next(consumer))
                assert len(consumer._in_flight.held) == 1
                consumer.ack(taken)
