from __future__ import annotations

import os

from huey import RedisHuey

from benchmarks.recorder import run_task

huey = RedisHuey(url=os.environ["BENCHMARK_REDIS_URL"])


@huey.task()
def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
