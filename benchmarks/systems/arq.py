"""arq: asyncio, with 100 jobs at a time.

At its default of 10, it drains 200 messages per second: it looks for 100 every half a second.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings

from benchmarks.harness.recorder import run_task

_pools: list[ArqRedis] = []


async def task(_context: dict[str, Any], message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


class WorkerSettings:
    functions: ClassVar = [task]
    max_jobs = 100
    redis_settings = RedisSettings.from_dsn(os.environ["BENCHMARK_REDIS_URL"])


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    _pools.append(await create_pool(WorkerSettings.redis_settings))
    yield
    await _pools.pop().aclose()


async def send(message_id: int, sent_ns: int) -> None:
    await _pools[-1].enqueue_job("task", message_id, sent_ns)
