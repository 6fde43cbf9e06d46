"""Celery with its default pool of processes; results are ignored."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.harness.recorder import run_task

app = Celery("benchmark", broker=os.environ["BENCHMARK_REDIS_URL"])


@app.task(ignore_result=True)
def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


async def send(message_id: int, sent_ns: int) -> None:
    task.delay(message_id, sent_ns)
