"""taskiq on the list broker of taskiq-redis, which is faster than its stream broker, but loses what
a killed worker had taken.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskiq_redis import ListQueueBroker

from benchmarks.harness.recorder import run_task

# redis-py 8 lets a read time out after 5 s; this broker waits for ever in one, and would be deaf
# for some seconds whenever 5 s pass without a message.
broker = ListQueueBroker(os.environ["BENCHMARK_REDIS_URL"], socket_timeout=None)


@broker.task
async def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


async def send(message_id: int, sent_ns: int) -> None:
    await task.kiq(message_id, sent_ns)
