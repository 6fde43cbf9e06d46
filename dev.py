"""Run the processes of a Procfile, and start them anew whenever Python code changes.

Workers finish what they are doing before they are replaced. If they cannot start, say for a slip in
the code that was just saved, the next change starts them again.
"""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
from watchfiles import PythonFilter, watch

PROJECT_DIR = Path(__file__).resolve().parent

#: What none of the processes imports.
_UNWATCHED = [
    PROJECT_DIR / name for name in (".benchmarks", ".venvs", "benchmarks", "examples", "tests")
]


@click.command
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(path: Path) -> None:
    """Run the Procfile PATH until Ctrl-C, and start it anew whenever Python code changes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    processes = _start(path)
    for changes in watch(
        PROJECT_DIR,
        watch_filter=PythonFilter(ignore_paths=_UNWATCHED, extra_extensions=(".po",)),
        stop_event=stop,
    ):
        names = sorted(str(Path(name).relative_to(PROJECT_DIR)) for _, name in changes)
        click.echo(f"Changed: {', '.join(names)}. Starting anew.")
        _end(processes)
        processes = _start(path)
    _end(processes)


def _start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, PROJECT_DIR / "procfile.py", path])  # noqa: S603


def _end(processes: subprocess.Popen[bytes]) -> None:
    """Wait for as long as the work takes: procfile.py sees to it that it ends."""
    processes.send_signal(signal.SIGTERM)
    processes.wait()


if __name__ == "__main__":
    main()
