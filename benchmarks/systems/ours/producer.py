from __future__ import annotations

import time
from typing import TYPE_CHECKING

from barback import RedisBroker
from barback import send_many as send_many_to
from benchmarks.systems.ours.tasks import task

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dramatiq

#: As many as Barback sends at a time.
CHUNK_SIZE = 500


async def send(message_id: int, sent_ns: int) -> None:
    task.send(message_id, sent_ns)


async def send_many(first: int, count: int) -> None:
    send_many_to(task, ((each, time.monotonic_ns()) for each in range(first, first + count)))


async def send_delayed(first: int, count: int, delay_ms: int) -> None:
    """Send messages that are due, all at the same time, after a delay."""
    _broker().enqueue_many(_messages(first, count), delay=delay_ms)


async def send_due(first: int, count: int, delay_ms: int, gap_ms: int) -> None:
    """Send messages that are due one after the other; each carries the time at which it is due."""
    for number in range(count):
        each_delay_ms = delay_ms + number * gap_ms
        due_ns = time.monotonic_ns() + each_delay_ms * 1_000_000
        task.send_with_options(args=(first + number, due_ns), delay=each_delay_ms)


async def bare_rpush(count: int) -> float:
    """Push encoded messages to a list, with nothing else, and return how many seconds it took."""
    payloads = [message.encode() for message in _messages(0, count)]
    client = _broker().client
    started = time.perf_counter()
    for begin in range(0, count, CHUNK_SIZE):
        with client.pipeline(transaction=False) as pipeline:
            for payload in payloads[begin : begin + CHUNK_SIZE]:
                pipeline.rpush("bare", payload)
            pipeline.execute()
    return time.perf_counter() - started


def _messages(first: int, count: int) -> Iterator[dramatiq.Message[None]]:
    return (task.message(each, time.monotonic_ns()) for each in range(first, first + count))


def _broker() -> RedisBroker:
    broker = task.broker
    assert isinstance(broker, RedisBroker)
    return broker
