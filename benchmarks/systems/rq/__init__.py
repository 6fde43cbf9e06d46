"""RQ with the worker that does not fork for each job, which is its fastest."""

from benchmarks.system import Command, System


def _worker_commands(processes: int) -> list[Command]:
    # RQ knows the server from the environment: RQ_REDIS_URL.
    return [["rq", "worker", "--worker-class", "rq.worker.SimpleWorker"]] * processes


SYSTEM = System(
    name="rq",
    label="RQ",
    packages=("rq", "redis", "hiredis"),
    worker_commands=_worker_commands,
    settings="N times rq worker --worker-class rq.worker.SimpleWorker (one job at a time)",
    messages_per_process=1_000,
    loop_messages=1_000,
)
