"""A worker of very many queues: ``dramatiq tests.barback.faults.many_queues`` runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import dramatiq
import redis

from barback import RedisBroker

if TYPE_CHECKING:
    from collections.abc import Callable

URL = os.environ["FAULTS_REDIS_URL"]


def make_client() -> redis.Redis:
    """The client that the test asks for."""
    pools: dict[str, Callable[[], redis.ConnectionPool]] = {
        "default": lambda: redis.ConnectionPool.from_url(URL),
        "few": lambda: redis.ConnectionPool.from_url(URL, max_connections=10),
        "blocking": lambda: redis.BlockingConnectionPool.from_url(URL, max_connections=3),
    }
    return redis.Redis(connection_pool=pools[os.environ["FAULTS_POOL"]]())


broker = RedisBroker(client=make_client())
dramatiq.set_broker(broker)
_ledger = os.open(os.environ["FAULTS_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(job_id: str) -> None:
    """Write down that a job was done."""
    os.write(_ledger, f"effect {job_id} {os.getpid()} 0\n".encode())


for number in range(int(os.environ["FAULTS_QUEUES"])):
    dramatiq.actor(actor_name=f"note-{number}", queue_name=f"many-{number}")(note)
