"""streaQ: asyncio on Redis streams, at its default of 16 tasks at a time."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaq import Worker

from benchmarks.harness.recorder import run_task

worker = Worker(redis_url=os.environ["BENCHMARK_REDIS_URL"])


@worker.task
async def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    async with worker:
        yield


async def send(message_id: int, sent_ns: int) -> None:
    await task.enqueue(message_id, sent_ns)


async def send_many(first: int, count: int) -> None:
    await worker.enqueue_many(
        [task.enqueue(each, time.monotonic_ns()) for each in range(first, first + count)]
    )
