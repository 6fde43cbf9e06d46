"""Huey: threads, an LPUSH and a blocking pop."""

from benchmarks.system import THREADS, Command, System


def _worker_commands(processes: int) -> list[Command]:
    options = ["--workers", str(THREADS), "--worker-type", "thread"]
    return [["huey_consumer", "benchmarks.systems.huey.tasks.huey", *options]] * processes


SYSTEM = System(
    name="huey",
    label="Huey",
    packages=("huey", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings=f"N times huey_consumer --workers {THREADS} --worker-type thread",
    messages_per_process=10_000,
)
