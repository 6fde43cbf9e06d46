"""streaQ: asyncio on Redis streams, at its default of 16 tasks at a time."""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    return [
        ["streaq", "run", "benchmarks.systems.streaq.tasks:worker", "--workers", str(processes)]
    ]


SYSTEM = System(
    name="streaq",
    label="streaQ",
    packages=("streaq", "coredis"),
    worker_commands=_worker_commands,
    settings="streaq run --workers N (asyncio, 16 tasks at a time)",
    messages_per_process=4_000,
    loop_messages=4_000,
)
