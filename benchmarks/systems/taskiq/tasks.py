from __future__ import annotations

import os

from taskiq_redis import ListQueueBroker

from benchmarks.recorder import run_task

broker = ListQueueBroker(os.environ["BENCHMARK_REDIS_URL"])


@broker.task
async def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
