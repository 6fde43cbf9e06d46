"""Dramatiq, on the broker of the module that ``BENCHMARK_BROKER`` names: Barback's or stock's."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from typing import Any

import dramatiq

from benchmarks.harness.recorder import run_task
from benchmarks.systems import control

Message = dramatiq.Message[Any]

broker: Any = import_module(os.environ["BENCHMARK_BROKER"]).RedisBroker(
    url=os.environ["BENCHMARK_REDIS_URL"],
    **json.loads(os.environ.get("BENCHMARK_BROKER_OPTIONS", "{}")),
)
dramatiq.set_broker(broker)

CHUNK_SIZE = 500

#: An actor on a queue each. There is one, unless a part wants more.
ACTORS = [
    dramatiq.actor(actor_name=f"task-{number}", queue_name=f"queue-{number}")(run_task)
    for number in range(int(os.environ.get("BENCHMARK_QUEUES", "1")))
]

#: Actors of the first queue that differ in their priority.
LEVELS = [
    dramatiq.actor(actor_name=f"level-{level}", queue_name="queue-0", priority=level)(run_task)
    for level in (0, 10, 20)
]


#: Which actors get the messages, one after the other.
CHOICES = {
    "first": ACTORS[:1],
    "last": ACTORS[-1:],
    "all": ACTORS,
    "levels": LEVELS,
    **control.choices(broker),
}


async def send(message_id: int, sent_ns: int, to: str = "first") -> None:
    actors = CHOICES[to]
    actors[message_id % len(actors)].send(message_id, sent_ns)


async def send_many(first: int, count: int) -> None:
    broker.enqueue_many(_messages(first, count))


async def send_due(first: int, count: int, delay_ms: int, gap_ms: int) -> None:
    """Send messages that are due one after the other; each carries the time at which it is due."""
    for number in range(count):
        each_delay_ms = delay_ms + number * gap_ms
        due_ns = time.monotonic_ns() + each_delay_ms * 1_000_000
        ACTORS[0].send_with_options(args=(first + number, due_ns), delay=each_delay_ms)


async def send_delayed(first: int, count: int, delay_ms: int) -> None:
    for message in _messages(first, count):
        broker.enqueue(message, delay=delay_ms)


async def fill(first: int, count: int, to: str = "first", task_seconds: float = 0.0) -> None:
    messages = _messages(first, count, to, task_seconds)
    if hasattr(broker, "enqueue_many"):
        broker.enqueue_many(messages)
        return
    # Stock has nothing for many. This does in pipelines what its script does for each.
    queue = f"{broker.namespace}:{ACTORS[0].queue_name}"
    while chunk := list(islice(messages, CHUNK_SIZE)):
        pipeline = broker.client.pipeline(transaction=False)
        for message in chunk:
            stored = message.copy(options={"redis_message_id": message.message_id})
            pipeline.hset(f"{queue}.msgs", message.message_id, stored.encode())
            pipeline.rpush(queue, message.message_id)
        pipeline.execute()


def _messages(first: int, count: int, to: str = "first", *arguments: float) -> Iterator[Message]:
    actors = CHOICES[to]
    return (
        actors[each % len(actors)].message(each, time.monotonic_ns(), *arguments)
        for each in range(first, first + count)
    )
