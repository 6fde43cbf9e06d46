from __future__ import annotations

import os

from taskiq_redis import ListQueueBroker

from benchmarks.recorder import run_task

# redis-py 8 lets a read time out after 5 s; this broker waits for ever in one, and would be deaf
# for some seconds whenever 5 s pass without a message.
broker = ListQueueBroker(os.environ["BENCHMARK_REDIS_URL"], socket_timeout=None)


@broker.task
async def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
