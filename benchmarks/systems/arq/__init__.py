"""arq: asyncio, with 100 jobs at a time.

At its default of 10, it drains 200 messages per second: it looks for 100 every half a second.
"""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    return [["arq", "benchmarks.systems.arq.tasks.WorkerSettings"]] * processes


SYSTEM = System(
    name="arq",
    label="arq",
    packages=("arq", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings="N times arq (asyncio, max_jobs = 100)",
    messages_per_process=3_000,
)
