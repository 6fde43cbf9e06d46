"""Dramatiq on :class:`dramatiq.brokers.redis.RedisBroker`."""

from benchmarks.system import THREADS, Command, System


def _worker_commands(processes: int) -> list[Command]:
    options = ["--processes", str(processes), "--threads", str(THREADS)]
    return [["dramatiq", "benchmarks.systems.stock.tasks", *options]]


SYSTEM = System(
    name="stock",
    label="Dramatiq, stock",
    packages=("dramatiq", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings=f"dramatiq --processes N --threads {THREADS}",
    messages_per_process=6_000,
)
