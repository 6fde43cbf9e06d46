"""Real processes in tests: with a deadline, captured output, and a certain end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

import psutil

from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: How long a process may take for anything a test waits for, in seconds.
DEADLINE_SECONDS = 60.0


class TestProcess:
    """A process in a group of its own, whose output goes to files."""

    __test__ = False  # not a test class, whatever its name says

    def __init__(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output_prefix: Path
    ) -> None:
        self.command = list(command)
        self._stdout_path = output_prefix.with_suffix(".stdout")
        self._stderr_path = output_prefix.with_suffix(".stderr")
        with self._stdout_path.open("wb") as stdout, self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                self.command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> str:
        return self._stdout_path.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        return self._stderr_path.read_text(errors="replace")

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs; negative when a signal ended it."""
        return self._process.poll()

    def wait(self, timeout_seconds: float = DEADLINE_SECONDS) -> int:
        """Wait for the end of the process and return its exit code."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._complaint(f"still runs after {timeout_seconds} s")) from None

    def wait_for_output(self, text: str, timeout_seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until the process has printed a text, on either stream."""
        eventually(
            lambda: text in self.output or self.exit_code is not None,
            timeout_seconds=timeout_seconds,
            complaint=lambda: self._complaint(f"did not print {text!r}"),
        )
        assert text in self.output, self._complaint(f"ended without printing {text!r}")

    def send_signal(self, number: int) -> None:
        """Signal the process alone, not its children."""
        self._process.send_signal(number)

    def send_signal_to_group(self, number: int) -> None:
        """Signal the process and its children, as Ctrl-C in a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, timeout_seconds: float = DEADLINE_SECONDS) -> int:
        """Ask the process to end (SIGTERM), wait for it, and return its exit code."""
        self.send_signal(signal.SIGTERM)
        return self.wait(timeout_seconds)

    def kill(self) -> None:
        """End the process and all that it started, at once, whatever group they are in."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for descendant in psutil.Process(self.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    descendant.kill()
        self.send_signal_to_group(signal.SIGKILL)
        self._process.wait(DEADLINE_SECONDS)

    def _complaint(self, what: str) -> str:
        return (
            f"{' '.join(self.command)} (exit code {self.exit_code}) {what}.\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"
        )


class ProcessStarter:
    """Starts processes; at its end, whatever still runs is ended."""

    def __init__(self, *, cwd: Path, env: Mapping[str, str], output_dir: Path) -> None:
        self._cwd = cwd
        self.environment = dict(env)
        self._output_dir = output_dir
        self._started: list[TestProcess] = []

    def __call__(self, command: Sequence[str], **variables: str) -> TestProcess:
        """Start a command, with further environment variables given as keywords."""
        process = TestProcess(
            command,
            cwd=self._cwd,
            env={**self.environment, **variables},
            output_prefix=self._output_dir / f"process-{len(self._started)}",
        )
        self._started.append(process)
        return process

    def run(self, command: Sequence[str], **variables: str) -> TestProcess:
        """Start a command and wait for its end."""
        process = self(command, **variables)
        process.wait()
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
