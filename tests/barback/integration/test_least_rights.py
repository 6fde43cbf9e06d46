"""A user of the server with no more rights than docs/security.md says are needed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import dramatiq

from barback import RedisBroker
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

RIGHTS = ["~dramatiq:*", "+@all", "-@dangerous", "+info", "+client|list"]


def test_it_may_send_work_and_look(redis_url: str, redis_client: redis.Redis) -> None:
    # Given a user with the documented rights
    assert " ".join(RIGHTS) in (PROJECT_DIR / "docs" / "security.md").read_text()
    redis_client.execute_command("ACL", "SETUSER", "bar", "on", ">secret", *RIGHTS)
    served: list[str] = []
    with contextlib.ExitStack() as stack:
        stack.callback(redis_client.execute_command, "ACL", "DELUSER", "bar")
        broker = RedisBroker(url=redis_url, username="bar", password="secret")
        stack.callback(broker.close)
        serve = dramatiq.actor(broker=broker, actor_name="serve")(served.append)
        worker = dramatiq.Worker(broker, worker_timeout=100)
        worker.start()
        stack.callback(worker.stop)

        # When messages are sent, one of them for later
        serve.send("now")
        serve.send_with_options(args=("later",), delay=200)

        # Expect both to be served, and the queue and its worker to be seen
        eventually(lambda: sorted(served) == ["later", "now"], complaint=lambda: f"{served}")
        assert [status.name for status in queue_statuses(broker)] == ["default"]
        assert len(list_workers(broker)) == 1
