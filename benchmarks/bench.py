"""The workbench of one system: its environment, producer, workers and message ids."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.environments import PROJECT_DIR
from benchmarks.process_groups import ProcessGroup
from benchmarks.producer import Producer
from benchmarks.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

    from benchmarks.environments import Environment
    from benchmarks.server import Server
    from benchmarks.system import Command, System

#: How long the first message of a new worker may take, in seconds.
START_DEADLINE_SECONDS = 60.0


class Workers:
    """Running worker processes, and what they have recorded."""

    def __init__(self, groups: list[ProcessGroup], records: Records) -> None:
        self.groups = groups
        self.records = records

    def processes(self) -> list[psutil.Process]:
        return [process for group in self.groups for process in group.processes()]

    def stop(self) -> None:
        for group in self.groups:
            group.stop()

    def kill(self) -> None:
        for group in self.groups:
            group.kill()

    def complaint(self) -> str:
        return "\n".join(group.complaint() for group in self.groups)


class Bench:
    """What the figures are measured with.

    Parameters:
      system: The system under test.
      environment: Where it is installed.
      server: The server, which is this run's alone.
      directory: For logs and records.
      scale: A factor for all numbers of messages.
    """

    def __init__(
        self,
        system: System,
        environment: Environment,
        server: Server,
        directory: Path,
        scale: float = 1.0,
    ) -> None:
        self.system = system
        self.server = server
        self._environment = environment
        self._directory = directory
        self._scale = scale
        self._names = itertools.count()
        self._next_id = 0

    def scaled(self, count: int) -> int:
        return max(1, round(count * self._scale))

    def new_ids(self, count: int) -> range:
        """Ids that no message has had yet."""
        first, self._next_id = self._next_id, self._next_id + count
        return range(first, self._next_id)

    def new_records(self) -> Records:
        directory = self._directory / f"{self.system.name}-records-{next(self._names)}"
        directory.mkdir()
        return Records(directory)

    @contextmanager
    def producer(self, module: str = "producer") -> Iterator[Producer]:
        """A producer that runs until the end of the block, by a module of the system's package."""
        producer = Producer(
            f"{self.system.module}.{module}",
            self._environment,
            env=self._env(),
            log_path=self._log_path("producer"),
        )
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
        **variables: str,
    ) -> Iterator[Workers]:
        """Worker processes that run until the end of the block.

        Parameters:
          processes: How many.
          commands: Command lines in place of the system's usual ones.
          records: Where they record, unless it is a place of their own.
          variables: Further environment variables.
        """
        records = records or self.new_records()
        env = self._env(BENCHMARK_RECORDS=str(records.directory), **variables)
        groups: list[ProcessGroup] = []
        workers = Workers(groups, records)
        try:
            for program, *options in commands or self.system.worker_commands(processes):
                command = [self._environment.program(program), *options]
                groups.append(ProcessGroup(command, env=env, log_path=self._log_path("worker")))
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

    def _env(self, **variables: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "BENCHMARK_REDIS_URL": self.server.url,
            "RQ_REDIS_URL": self.server.url,
            **variables,
        }

    def _log_path(self, kind: str) -> Path:
        return self._directory / f"{self.system.name}-{kind}-{next(self._names)}.log"
