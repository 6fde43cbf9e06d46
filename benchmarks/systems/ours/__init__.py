"""Dramatiq on :class:`barback.RedisBroker`, from this checkout."""

from benchmarks.system import THREADS, Command, System


def _worker_commands(processes: int) -> list[Command]:
    options = ["--processes", str(processes), "--threads", str(THREADS)]
    return [["dramatiq", "benchmarks.systems.ours.tasks", *options]]


SYSTEM = System(
    name="ours",
    label="Dramatiq on Barback",
    packages=("dramatiq", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings=f"dramatiq --processes N --threads {THREADS}",
    messages_per_process=60_000,
    loop_messages=20_000,
)
