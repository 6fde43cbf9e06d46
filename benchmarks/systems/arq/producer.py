from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from arq import create_pool

from benchmarks.systems.arq.tasks import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from arq.connections import ArqRedis

_pools: list[ArqRedis] = []


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    _pools.append(await create_pool(WorkerSettings.redis_settings))
    yield
    await _pools.pop().aclose()


async def send(message_id: int, sent_ns: int) -> None:
    await _pools[-1].enqueue_job("task", message_id, sent_ns)
