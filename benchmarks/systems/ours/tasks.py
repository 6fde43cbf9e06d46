from __future__ import annotations

import os

import dramatiq

from barback import RedisBroker
from benchmarks.recorder import run_task

dramatiq.set_broker(RedisBroker(url=os.environ["BENCHMARK_REDIS_URL"]))


@dramatiq.actor
def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
