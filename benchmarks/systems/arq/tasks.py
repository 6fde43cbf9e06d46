from __future__ import annotations

import os
from typing import Any, ClassVar

from arq.connections import RedisSettings

from benchmarks.recorder import run_task


async def task(_context: dict[str, Any], message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


class WorkerSettings:
    functions: ClassVar = [task]
    max_jobs = 100
    redis_settings = RedisSettings.from_dsn(os.environ["BENCHMARK_REDIS_URL"])
