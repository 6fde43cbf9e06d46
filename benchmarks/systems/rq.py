"""RQ with the worker that does not fork for each job, which is its fastest."""

from __future__ import annotations

import os
import time

from redis import Redis
from rq import Queue

from benchmarks.harness.recorder import run_task

queue = Queue(connection=Redis.from_url(os.environ["BENCHMARK_REDIS_URL"]))


def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


async def send(message_id: int, sent_ns: int) -> None:
    queue.enqueue(task, message_id, sent_ns)


async def send_many(first: int, count: int) -> None:
    queue.enqueue_many(
        Queue.prepare_data(task, args=(each, time.monotonic_ns()))
        for each in range(first, first + count)
    )
