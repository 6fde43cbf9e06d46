"""The workbench of one system: its environment, producer, workers and message ids."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness.environments import Environment
from benchmarks.harness.machine import PROJECT_DIR
from benchmarks.harness.producer import Producer
from benchmarks.harness.records import Delivery, Records
from benchmarks.harness.server import Server
from benchmarks.harness.system import Command, System
from benchmarks.harness.workers import Workers

#: How long the first message of a new worker may take, in seconds.
START_DEADLINE_SECONDS = 60.0

#: What a quick run makes of each number of messages.
QUICK_SCALE = 0.01

#: For how long a message that is run twice may show up after the last one.
SETTLE_SECONDS = 0.2


class Bench:
    """What the figures are measured with.

    Parameters:
      system: The system under test.
      environment: Where it is installed.
      server: The server, which is this run's alone.
      directory: For logs and records.
      is_quick: Whether to show only that everything works, with few messages.
    """

    def __init__(
        self,
        system: System,
        environment: Environment,
        server: Server,
        directory: Path,
        *,
        is_quick: bool = False,
    ) -> None:
        self.system = system
        self.environment = environment
        self.server = server
        self.delivery = Delivery()
        self._directory = directory
        self._is_quick = is_quick
        self._names = itertools.count()
        self._next_id = 0

    def scaled(self, count: int) -> int:
        return max(1, round(count * QUICK_SCALE)) if self._is_quick else count

    def seconds(self, seconds: float) -> float:
        return seconds * QUICK_SCALE if self._is_quick else seconds

    def steps(self, sizes: Sequence[int]) -> Sequence[int]:
        """The points of a growth curve: all, or the first two."""
        return sizes[:2] if self._is_quick else sizes

    def new_ids(self, count: int) -> range:
        """Ids that no message has had yet."""
        first, self._next_id = self._next_id, self._next_id + count
        return range(first, self._next_id)

    def new_records(self) -> Records:
        directory = self._new_path("records")
        directory.mkdir()
        return Records(directory)

    def count_deliveries(self, records: Records, ids: range) -> None:
        """Note which messages were lost or run twice, now that all should be done."""
        time.sleep(SETTLE_SECONDS)
        self.delivery += records.delivery(ids)

    @contextmanager
    def producer(self, env: Mapping[str, str] | None = None) -> Iterator[Producer]:
        """A producer that runs until the end of the block, with further environment variables."""
        agent = ["-m", "benchmarks.harness.agent", self.system.module]
        command = [self.environment.program("python"), *agent]
        producer = Producer(command, env=self._env(env), log_path=self._new_path("producer"))
        try:
            yield producer
        finally:
            producer.stop()

    @contextmanager
    def workers(
        self,
        processes: int = 1,
        *,
        commands: list[Command] | None = None,
        records: Records | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Iterator[Workers]:
        """Worker processes that run until the end of the block.

        Parameters:
          processes: How many.
          commands: Command lines in place of the system's usual ones.
          records: Where they record, unless it is a place of their own.
          env: Further environment variables.
        """
        records = records or self.new_records()
        workers = Workers(
            [
                [self.environment.program(program), *options]
                for program, *options in commands or self.system.worker_commands(processes)
            ],
            records,
            env=self._env(env) | {"BENCHMARK_RECORDS": str(records.directory)},
            log_path=self._new_path("worker"),
        )
        try:
            yield workers
        except Exception as error:
            error.add_note(workers.complaint())
            raise
        finally:
            workers.stop()

    def warm_up(self, producer: Producer, workers: Workers) -> None:
        """Have the workers run a first message, so that they are known to be ready."""
        ids = self.new_ids(1)
        producer.ask("enqueue", first=ids.start, count=len(ids))
        workers.records.wait_for(ids, seconds=START_DEADLINE_SECONDS)

    def _env(self, further: Mapping[str, str] | None) -> dict[str, str]:
        env = {**os.environ, **self.system.variables, "BENCHMARK_REDIS_URL": self.server.url}
        env |= further or {}
        env["PYTHONPATH"] = os.pathsep.join(map(str, self.python_path()))
        env["RQ_REDIS_URL"] = env["BENCHMARK_REDIS_URL"]
        return env

    def python_path(self) -> list[Path]:
        """Where this checkout is, behind the ``barback``, and nothing else, of another one."""
        if self.system.checkout is None:
            return [PROJECT_DIR]
        link = self._directory / "older" / "barback"
        if not link.exists():
            link.parent.mkdir()
            link.symlink_to(self.system.checkout.resolve() / "barback")
        return [link.parent, PROJECT_DIR]

    def _new_path(self, kind: str) -> Path:
        return self._directory / f"{kind}-{next(self._names)}"
