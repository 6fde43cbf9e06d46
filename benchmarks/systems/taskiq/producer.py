from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.systems.taskiq.tasks import broker, task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


async def send(message_id: int, sent_ns: int) -> None:
    await task.kiq(message_id, sent_ns)
