"""Run the processes of a Procfile in one terminal, until one of them ends or Ctrl-C is pressed.

As ``honcho start``, except that workers are stopped gently. honcho signals a whole process group
at once; a Dramatiq worker then gets SIGTERM twice, from honcho and from its own main process, and
at the second one it drops what it is doing.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click
import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer

#: How long processes may take to finish their work before they are killed, in seconds.
STOP_TIMEOUT_SECONDS = 60


class _GentleSignals:
    def terminate(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        os.killpg(pid, signal.SIGKILL)


@click.command
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(path: Path) -> None:
    """Run the processes of the Procfile PATH. The first to end gives the exit code."""
    honcho.manager.KILL_WAIT = STOP_TIMEOUT_SECONDS
    manager = honcho.manager.Manager(Printer(sys.stdout, time_format="", colour=_is_terminal()))
    manager._procmgr = _GentleSignals()  # noqa: SLF001 - there is no other way in
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for name, command in parse_procfile(path.read_text()).processes.items():
        # `exec`, so that the process to signal is the program and not a shell.
        manager.add_process(name, f"exec {command}", env=environment)
    manager.loop()
    sys.exit(manager.returncode)


def _is_terminal() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    main()
