"""The harness's side of :mod:`benchmarks.agent`."""

from __future__ import annotations

import json
import select
import subprocess
from typing import IO, TYPE_CHECKING, Any

from benchmarks.waiting import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.environments import Environment

#: How long a producer may take for an order, in seconds.
ANSWER_DEADLINE_SECONDS = 120.0
STOP_DEADLINE_SECONDS = 10.0


class ProducerError(Exception):
    """A system's producer ended before it had answered."""


class Producer:
    """A process that sends messages by means of a system."""

    def __init__(
        self, module: str, environment: Environment, *, env: Mapping[str, str], log_path: Path
    ) -> None:
        self._log_path = log_path
        program = [environment.program("python"), "-m", "benchmarks.agent"]
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*program, module],
                cwd=log_path.parent,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def ask(self, order: str, **arguments: Any) -> Any:
        """Give an order and wait until it is carried out."""
        self.tell(order, **arguments)
        return self.answer()

    def tell(self, order: str, **arguments: Any) -> None:
        """Give an order; its :meth:`answer` must be fetched before the next one."""
        self._stdin.write(json.dumps([order, arguments]) + "\n")
        self._stdin.flush()

    def answer(self) -> Any:
        ready, _, _ = select.select([self._stdout], [], [], ANSWER_DEADLINE_SECONDS)
        if not ready:
            raise DeadlineError(f"A producer did not answer in {ANSWER_DEADLINE_SECONDS:.0f} s.")
        line = self._stdout.readline()
        if not line:
            raise ProducerError(self._log_path.read_text(errors="replace")[-2_000:])
        return json.loads(line)

    def stop(self) -> None:
        self._stdin.close()
        try:
            self._process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_SECONDS)
        self._stdout.close()

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout
