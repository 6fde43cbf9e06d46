"""taskiq on the list broker of taskiq-redis, which is faster than its stream broker, but loses what
a killed worker had taken.
"""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    return [
        ["taskiq", "worker", "benchmarks.systems.taskiq.tasks:broker", "--workers", str(processes)]
    ]


SYSTEM = System(
    name="taskiq",
    label="taskiq",
    packages=("taskiq", "taskiq-redis", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings="taskiq worker --workers N (asyncio, 100 tasks at a time, ListQueueBroker)",
    messages_per_process=10_000,
)
