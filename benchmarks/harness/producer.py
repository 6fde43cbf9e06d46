"""The harness's side of :mod:`benchmarks.harness.agent`."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.harness.waiting import DeadlineError

#: How long a producer may take for an order, in seconds.
ANSWER_DEADLINE_SECONDS = 300.0
STOP_DEADLINE_SECONDS = 10.0


class ProducerError(Exception):
    """A system's producer ended before it had answered."""


class Producer:
    """A process that sends messages by means of a system."""

    def __init__(self, command: list[str], *, env: Mapping[str, str], log_path: Path) -> None:
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=log_path.parent,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout

    def ask(self, order: str, **arguments: Any) -> Any:
        """Give an order and wait until it is carried out."""
        self.tell(order, **arguments)
        return self.answer()

    def tell(self, order: str, **arguments: Any) -> None:
        """Give an order; its :meth:`answer` must be fetched before the next one."""
        with suppress(BrokenPipeError):  # it has ended, and its answer will say why
            self._orders.write(json.dumps([order, arguments]) + "\n")

    def answer(self) -> Any:
        ready, _, _ = select.select([self._answers], [], [], ANSWER_DEADLINE_SECONDS)
        if not ready:
            raise DeadlineError(f"A producer did not answer in {ANSWER_DEADLINE_SECONDS:.0f} s.")
        line = self._answers.readline()
        if not line:
            raise ProducerError(self._log_path.read_text(errors="replace")[-2_000:])
        return json.loads(line)

    def stop(self) -> None:
        with suppress(BrokenPipeError):
            self._orders.close()
        try:
            self._process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_SECONDS)
        self._answers.close()
