"""arq: asyncio, at its default of 10 jobs at a time."""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    return [["arq", "benchmarks.systems.arq.tasks.WorkerSettings"]] * processes


SYSTEM = System(
    name="arq",
    label="arq",
    packages=("arq", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings="N times arq (asyncio, 10 jobs at a time)",
    messages_per_process=3_000,
    loop_messages=3_000,
)
