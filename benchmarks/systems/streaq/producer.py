from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.systems.streaq.tasks import task, worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


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
