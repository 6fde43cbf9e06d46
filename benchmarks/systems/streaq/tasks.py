from __future__ import annotations

import os

from streaq import Worker

from benchmarks.recorder import run_task

worker = Worker(redis_url=os.environ["BENCHMARK_REDIS_URL"])


@worker.task
async def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
