"""Huey: threads, an LPUSH and a blocking pop."""

from __future__ import annotations

import os
import time

from huey import RedisHuey

from benchmarks.harness.recorder import run_task

huey = RedisHuey(url=os.environ["BENCHMARK_REDIS_URL"])

CHUNK_SIZE = 500


@huey.task()
def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


async def send(message_id: int, sent_ns: int) -> None:
    task(message_id, sent_ns)


async def fill(first: int, count: int) -> None:
    storage = huey.storage
    for begin in range(first, first + count, CHUNK_SIZE):
        ids = range(begin, min(begin + CHUNK_SIZE, first + count))
        messages = (huey.serialize_task(task.s(each, time.monotonic_ns())) for each in ids)
        storage.conn.lpush(storage.queue_key, *messages)
