from __future__ import annotations

from benchmarks.systems.huey.tasks import task


async def send(message_id: int, sent_ns: int) -> None:
    task(message_id, sent_ns)
