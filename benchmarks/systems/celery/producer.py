from __future__ import annotations

from benchmarks.systems.celery.tasks import task


async def send(message_id: int, sent_ns: int) -> None:
    task.delay(message_id, sent_ns)
