"""Jobs that want all kinds of things, and what may fail meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from barback.control import pause, resume
from tests.barback.faults.conftest import message
from tests.barback.faults.options import LIMITED, PACED, UNIQUE, declare
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback.embedded import EmbeddedServer
    from tests.barback.faults.conftest import Scene
    from tests.support.proxy import Proxy


class World:
    """A scene whose workers reach the server through a network that may be cut.

    Parameters:
      scene: The scene.
      server: Its server.
      proxy: The network.
      go_on: The unique job, and the one that tells how far it is, end when this file exists.

    Attributes:
      victim: The job whose worker is killed, where one is.
      killed_pid: That worker.
      queue_name: The queue that is paused, where one is.
    """

    def __init__(self, scene: Scene, server: EmbeddedServer, proxy: Proxy, go_on: Path) -> None:
        self.scene = scene
        self.server = server
        self.proxy = proxy
        self.go_on = go_on
        self.victim = "unique"
        self.killed_pid = 0
        self.queue_name = "jobs"
        self.unique = declare(scene.broker, "unique_job", UNIQUE)
        self.limited = declare(scene.broker, "limited_job", LIMITED)
        self.paced = declare(scene.broker, "paced_job", PACED)

    def send_unique(self) -> str:
        return self.unique.send("unique", str(self.go_on)).message_id

    def send(self, job_id: str, actor: str, **kwargs: str) -> str:
        sent = self.scene.broker.enqueue(message(job_id, actor=actor, **kwargs))
        return str(sent.options["redis_message_id"])

    def send_late(self) -> str:
        """Send a job that is too old whenever a worker gets to it."""
        late = message("late", actor="late_job")
        old = late.copy(message_timestamp=late.message_timestamp - 60_000)
        return str(self.scene.broker.enqueue(old).options["redis_message_id"])

    def start_workers(self, *, threads: int) -> None:
        for _ in range(2):
            self.scene.start_worker(threads=threads, redis_url=self.proxy.url)


@contextlib.contextmanager
def killed_worker(world: World) -> Iterator[None]:
    world.killed_pid = world.scene.ledger.pid_of(world.victim)
    os.kill(world.killed_pid, signal.SIGKILL)
    yield


@contextlib.contextmanager
def cut_network(world: World) -> Iterator[None]:
    world.proxy.close()
    yield
    world.proxy.open()


@contextlib.contextmanager
def restarted_server(world: World) -> Iterator[None]:
    pid = world.server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not world.server.is_running())
    world.server.ensure()
    yield


@contextlib.contextmanager
def paused_queue(world: World) -> Iterator[None]:
    pause(world.scene.broker, world.queue_name, reason="a fault test")
    yield
    assert resume(world.scene.broker, world.queue_name)
