"""Celery with its default pool of processes; results are ignored."""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    application = ["celery", "--app", "benchmarks.systems.celery.tasks"]
    return [[*application, "worker", "--concurrency", str(processes)]]


SYSTEM = System(
    name="celery",
    label="Celery",
    packages=("celery", "kombu", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings="celery worker --concurrency N (prefork)",
    messages_per_process=4_000,
)
