"""Faults: real workers, a real server, and what goes wrong between them."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis

from barback import RedisBroker
from barback.embedded import EmbeddedServer
from tests.barback.faults.ledger import Ledger
from tests.support.polling import eventually
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess

READY = "Worker process is ready for action."
ACTORS = "tests.barback.faults.actors"


class Scene:
    """A producer, workers and the ledger of what they did.

    Parameters:
      redis_url: Where the producer finds Redis, and workers unless they are told otherwise.
      start: Starts processes.
      ledger_path: Where jobs write down what they do.
    """

    def __init__(self, redis_url: str, start: ProcessStarter, ledger_path: Path) -> None:
        self.redis_url = redis_url
        self.ledger = Ledger(ledger_path)
        self.broker = RedisBroker(url=redis_url)
        self._start = start
        self._workers: list[TestProcess] = []

    def start_worker(
        self,
        *,
        threads: int = 2,
        wait: bool = True,
        redis_url: str | None = None,
        variables: Mapping[str, str] | None = None,
        actors: str = ACTORS,
        queues: Sequence[str] = (),
    ) -> TestProcess:
        """Start a worker of one process; by default, of all queues, and wait until it is ready."""
        worker = self._start(
            [
                "dramatiq",
                actors,
                *(("--queues", *queues) if queues else ()),
                "--processes",
                "1",
                "--threads",
                str(threads),
            ],
            **{
                "FAULTS_REDIS_URL": redis_url or self.redis_url,
                "FAULTS_LEDGER": str(self.ledger.path),
                **(variables or {}),
            },
        )
        self._workers.append(worker)
        if wait:
            worker.wait_for_output(READY)
        return worker

    def send(
        self, job_id: str, *, actor: str = "job", delay: int | None = None, **kwargs: Any
    ) -> None:
        """Send a job, and note it as promised when Redis has taken it."""
        self.broker.enqueue(message(job_id, actor=actor, **kwargs), delay=delay)
        self.ledger.promised.add(job_id)

    def send_many(self, job_ids: list[str]) -> None:
        self.broker.enqueue_many(message(job_id) for job_id in job_ids)
        self.ledger.promised |= set(job_ids)

    def wait_for_starts(self, *job_ids: str) -> None:
        eventually(
            lambda: set(job_ids) <= set(self.ledger.started()),
            timeout_seconds=30,
            complaint=lambda: f"started: {self.ledger.started()}",
        )

    def wait_for_effects(self, count: int) -> None:
        eventually(
            lambda: len(self.ledger.done()) >= count,
            timeout_seconds=30,
            complaint=lambda: f"{len(self.ledger.done())} of {count} jobs took effect",
        )

    def kill_process_of(self, job_id: str) -> None:
        """SIGKILL the process that runs a job."""
        self.ledger.note_fault()
        os.kill(self.ledger.pid_of(job_id), signal.SIGKILL)

    def wait_until_all_is_done(self, *, timeout_seconds: float, dead: int = 0) -> None:
        """Wait until each promised job is accounted for, and print how it went."""
        eventually(
            lambda: not self.ledger.missing(dead=dead),
            timeout_seconds=timeout_seconds,
            complaint=lambda: (
                f"{self.ledger.report(dead=dead)}: {self.ledger.missing()}\n{self.evidence()}"
            ),
        )
        print(self.ledger.report(dead=dead))  # noqa: T201 - pytest -s or -rP shows it

    def wait_until_nothing_is_left(self, *queue_names: str) -> None:
        eventually(
            lambda: not any(map(self.broker.do_qsize, queue_names or ("jobs",))),
            timeout_seconds=30,
            complaint="a queue is not empty",
        )

    def dead_letters(self) -> set[str]:
        ids: Any = self.broker.client.zrange("dramatiq:jobs.XQ", 0, -1)
        return {raw_id.decode() for raw_id in ids}

    def evidence(self) -> str:
        """What Redis holds, and what the workers said last."""
        keys = sorted(key.decode() for key in self.broker.client.scan_iter("dramatiq:*"))
        said = [worker.output[-5_000:] for worker in self._workers]
        return "\n---\n".join([" ".join(keys), *said])

    def close(self) -> None:
        self.broker.close()


def message(job_id: str, *, actor: str = "job", **kwargs: Any) -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", actor, (job_id,), kwargs, {})


@pytest.fixture
def scene(redis_url: str, start: ProcessStarter, tmp_path: Path) -> Iterator[Scene]:
    with contextlib.closing(Scene(redis_url, start, tmp_path / "ledger")) as scene:
        yield scene


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def mortal_server(session_dir: Path) -> Iterator[EmbeddedServer]:
    """A server of the test's own, which it may kill: it answers when it has written, as one with
    ``everysec`` does not while its disk is busy.
    """
    server = EmbeddedServer(tempfile.mkdtemp(prefix="mortal-", dir=session_dir))
    with redis.Redis.from_url(server.ensure()) as client:
        client.config_set("appendfsync", "always")
    yield server
    server.stop()


@pytest.fixture
def mortal_scene(
    mortal_server: EmbeddedServer, start: ProcessStarter, tmp_path: Path
) -> Iterator[Scene]:
    scene = Scene(mortal_server.url, start, tmp_path / "ledger")
    yield scene
    scene.close()
