r"""Run the processes of a Procfile in one terminal, until one of them ends or Ctrl-C is pressed.

As ``honcho start``, except for the end. Workers are stopped gently: honcho signals a whole process
group at once; a Dramatiq worker then gets SIGTERM twice, from honcho and from its own main process,
and at the second one it drops what it is doing. The routine of it is not shown. And a terminal that
is closed, and Ctrl-\, are like Ctrl-C: nothing is left behind.
"""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
import contextlib
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import honcho.manager
import psutil
from honcho.environ import parse_procfile
from honcho.printer import Printer

from barback.exits import terminal_is_gone
from importing import try_to_import
from settings import settings
from web.port import require_free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: How long processes may take to finish their work before they are killed, in seconds.
STOP_TIMEOUT_SECONDS = 60

#: What stopping always looks like: twenty lines that would hide the result before them.
_ROUTINE = re.compile(r"sending SIGTERM to|stopped \(rc=0\)|\[dramatiq\..*\[INFO\]")

#: Commands that import a module of actors, and its name.
_IMPORTS = re.compile(r"(?:dramatiq|periodiq) ([\w.]+)")

#: Processes that differ in one of these are strangers, though they run in the same folder.
_WHERE = ("REDIS_URL", "BARBACK_DATA_DIR")


class _GentleSignals:
    def terminate(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        os.killpg(pid, signal.SIGKILL)


class _Output(Printer):  # type: ignore[misc]
    """Prints what processes say; once they are stopped, without the routine of it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout, time_format="", colour=_is_terminal())
        self.is_stopping = False
        self.last_lines: dict[str, str] = {}

    def write(self, message: Any) -> None:
        text = _as_text(message.data)
        if self.is_stopping and _ROUTINE.search(text):
            return
        if text.strip():
            self.last_lines[message.name] = text.strip()
        try:
            # Where tables are padded to their width, a narrow terminal would show empty lines.
            super().write(message._replace(data=f"{text.rstrip()}\n"))
        except OSError:  # the terminal is gone, and the signal that says so is on its way
            _take_hang_up_for_ctrl_c()


class _Manager(honcho.manager.Manager):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(_Output())
        self._procmgr = _GentleSignals()
        self._is_to_end = False
        self.cause = ""

    def _start(self) -> None:
        # Those who read the output share our terminal: its end must not be theirs, nor Ctrl-\. And
        # neither may be missed while they are started.
        came: list[int] = []
        usual = {
            number: signal.signal(number, lambda number, _: came.append(number))
            for number in _LIKE_CTRL_C
        }
        super()._start()
        for number, handler in _LIKE_CTRL_C.items():
            is_ignored = usual[number] == signal.SIG_IGN  # as under nohup
            signal.signal(number, signal.SIG_IGN if is_ignored else handler)
            if number in came and not is_ignored:
                handler()

    def _all_started(self) -> bool:
        """Asked in each turn of the loop."""
        are_started = bool(super()._all_started())
        if are_started and terminal_is_gone():  # its signal may go to `make` alone, who keeps it
            _take_hang_up_for_ctrl_c()
        if are_started and self._is_to_end:
            self._is_to_end = False
            self.terminate()
        return are_started

    def terminate(self) -> None:
        if not self._all_started():  # honcho does not know yet whom to signal
            self._is_to_end = True
            return
        if not self._terminating:
            self.cause = next(
                (
                    f"{name} ended first, with exit code {process['returncode']}: "
                    f"{self._printer.last_lines.get(name, 'it said nothing')}"
                    for name, process in self._processes.items()
                    if process.get("returncode")
                ),
                "",
            )
            self._system_print("stopping; what is being served is finished first\n")
            self._printer.is_stopping = True
        super().terminate()


@click.command
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--imported", is_flag=True, hidden=True, help="The code has just been imported.")
@click.option(
    "--board-port",
    type=click.IntRange(1, 65535),
    default=9191,
    envvar="BARBACK_BOARD_PORT",
    show_envvar=True,
    hidden=True,
    help="Where the board will listen.",
)
def main(path: Path, *, imported: bool, board_port: int) -> None:
    """Run the processes of the Procfile PATH. The first to end gives the exit code."""
    # Where somebody has closed it, Python has none.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    commands: Mapping[str, str] = parse_procfile(path.read_text("utf-8")).processes
    already_running = list(_already_running(commands))
    if already_running:
        names = ", ".join(f"{name} (PID {pid})" for name, pid in already_running)
        pids = " ".join(str(pid) for _, pid in already_running)
        click.echo(f"Already running in this folder: {names}. To stop them: kill {pids}", err=True)
    if "web" in commands:
        require_free_port(settings.web_host, settings.web_port, "WEB_HOST", "WEB_PORT")
    if "board" in commands:
        require_free_port("127.0.0.1", board_port, "BARBACK_BOARD_PORT")
    if not imported:
        _require_importable(commands.values())
    honcho.manager.KILL_WAIT = STOP_TIMEOUT_SECONDS
    manager = _Manager()
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for name, command in commands.items():
        # `exec`, so that the process to signal is the program and not a shell.
        manager.add_process(name, f"exec {command}", env=variables)
    manager.loop()
    if manager.cause:  # much may have been said since
        click.echo(manager.cause, err=True)
    sys.exit(manager.returncode)


def _require_importable(commands: Iterable[str]) -> None:
    """Say once what is wrong with the actors, and not once for each program that imports them."""
    modules = {found[1] for command in commands if (found := _IMPORTS.match(command))}
    if not modules:
        return
    try:
        code, fault = try_to_import(*modules)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    if code:
        click.echo(f"{fault}\nNothing is started with that. Mend it, and start again.", err=True)
        sys.exit(code)


def _already_running(commands: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Name and process id of what a Procfile would start and somebody has started before."""
    names = {tuple(shlex.split(command)[1:]): name for name, command in commands.items()}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            name = next(
                (names[end] for end in names if tuple(process.cmdline()[-len(end) :]) == end), None
            )
            if name and _is_ours(process) and not _is_ours(process.parent(), like=process):
                yield name, process.pid


def _is_ours(process: psutil.Process | None, like: psutil.Process | None = None) -> bool:
    """Whether a process works for this checkout, and, as a worker's parent, is one like it."""
    if process is None or (like is not None and process.cmdline() != like.cmdline()):
        return False
    variables = process.environ()
    return process.cwd() == str(Path.cwd()) and all(
        variables.get(name) == os.environ.get(name) for name in _WHERE
    )


def _take_hang_up_for_ctrl_c(*_: object) -> None:
    # The terminal is gone: to write to it is an error.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    _take_for_ctrl_c()


def _take_for_ctrl_c(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


#: Signals of a terminal that would end us and nobody else, and what they do.
_LIKE_CTRL_C = {signal.SIGHUP: _take_hang_up_for_ctrl_c, signal.SIGQUIT: _take_for_ctrl_c}


def _as_text(data: bytes | str) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data


def _is_terminal() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    main()
