"""Real worker processes that end for certain."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.harness.records import Records
from benchmarks.harness.system import Command

#: How long a worker may take to stop by itself, in seconds. By then nothing is measured any more.
STOP_DEADLINE_SECONDS = 1.0

#: How long the system may take to end what was killed, in seconds.
_KILL_DEADLINE_SECONDS = 30.0

_LOG_CHARACTERS = 2_000


class Workers:
    """Running commands, each in a process group of its own and with a log, and their records."""

    def __init__(
        self, commands: list[Command], records: Records, *, env: Mapping[str, str], log_path: Path
    ) -> None:
        self.records = records
        self._log_path = log_path
        with log_path.open("ab") as log:
            self.commands = [
                subprocess.Popen(
                    command,
                    cwd=log_path.parent,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for command in commands
            ]

    def processes(self) -> list[psutil.Process]:
        """The commands' processes and all that descend from them."""
        found = []
        for command in self.commands:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(command.pid)
                found += [parent, *parent.children(recursive=True)]
        return found

    def complaint(self) -> str:
        """What the commands are, whether they run, and the end of their log."""
        lines = [
            f"{command.args!r} "
            + ("runs." if command.poll() is None else f"ended with exit code {command.returncode}.")
            for command in self.commands
        ]
        log = self._log_path.read_text(errors="replace")[-_LOG_CHARACTERS:]
        return "\n".join([*lines, "The end of the log:", log])

    def stop(self) -> None:
        """Ask the commands to end; then kill what is left of their groups."""
        for command in self.commands:
            command.terminate()
        for command in self.commands:
            with suppress(subprocess.TimeoutExpired):
                command.wait(STOP_DEADLINE_SECONDS)
        self.kill()

    def kill(self) -> None:
        for command in self.commands:
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
        for command in self.commands:
            command.wait(_KILL_DEADLINE_SECONDS)
