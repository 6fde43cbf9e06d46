"""Real processes that end for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.system import Command

#: How long a worker may take to stop by itself, in seconds. By then nothing is measured any more.
STOP_DEADLINE_SECONDS = 1.0

#: How long the system may take to end what was killed, in seconds.
_KILL_DEADLINE_SECONDS = 30.0

_LOG_CHARACTERS = 2_000


class ProcessGroup:
    """A command in a process group of its own; its output goes to a log file."""

    def __init__(self, command: Command, *, env: Mapping[str, str], log_path: Path) -> None:
        self._command = command
        self._log_path = log_path
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=log_path.parent,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self) -> list[psutil.Process]:
        """The command's process and all that descend from it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def complaint(self) -> str:
        """What the command is, whether it runs, and the end of its log."""
        code = self._process.poll()
        state = "runs" if code is None else f"ended with exit code {code}"
        log = self._log_path.read_text(errors="replace")[-_LOG_CHARACTERS:]
        return f"{' '.join(self._command)} ({state}). The end of its log:\n{log}"

    def stop(self) -> None:
        """Ask the command to end; then kill what is left of its group."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_DEADLINE_SECONDS)
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_KILL_DEADLINE_SECONDS)
