from __future__ import annotations

from benchmarks.systems.stock.tasks import task


async def send(message_id: int, sent_ns: int) -> None:
    task.send(message_id, sent_ns)
