"""Run the processes of a Procfile, and start them anew whenever Python code changes.

Workers finish what they are doing before they are replaced. Code that cannot be imported, for a
slip in what was just saved, replaces nothing: each process would end with a traceback of its own.
"""

from __future__ import annotations

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


#: What the processes import, between them.
_PROGRAMS = "actors, scheduler, web.app"

#: How long that may take, in seconds; after that it hangs.
IMPORT_TIMEOUT_SECONDS = 60


@click.command
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(path: Path) -> None:
    """Run the Procfile PATH until Ctrl-C, and start it anew whenever Python code changes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: stop.set())
    processes = _start(path) if _can_be_imported(stop) else None
    for changes in watch(
        PROJECT_DIR,
        watch_filter=PythonFilter(ignore_paths=_UNWATCHED, extra_extensions=(".po",)),
        stop_event=stop,
    ):
        names = sorted(str(Path(name).relative_to(PROJECT_DIR)) for _, name in changes)
        click.echo(f"Changed: {', '.join(names)}.")
        if _can_be_imported(stop):
            _end(processes)
            processes = _start(path)
    _end(processes)


def _can_be_imported(stop: threading.Event) -> bool:
    """Say what is wrong with the code, once, unless it is being stopped."""
    import_all = [sys.executable, "-c", f"import {_PROGRAMS}"]
    try:
        done = subprocess.run(  # noqa: S603
            import_all,
            cwd=PROJECT_DIR,
            stderr=subprocess.PIPE,
            timeout=IMPORT_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        fault = f"Importing {_PROGRAMS} takes more than {IMPORT_TIMEOUT_SECONDS} s."
    else:
        fault = done.stderr.decode(errors="replace") if done.returncode else ""
    if fault and not stop.is_set():
        click.echo(f"{fault.rstrip()}\nNothing is started with that. Mend it, and save.", err=True)
    return not fault


def _start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, PROJECT_DIR / "procfile.py", path])  # noqa: S603


def _end(processes: subprocess.Popen[bytes] | None) -> None:
    """Wait for as long as the work takes: procfile.py sees to it that it ends."""
    if processes is not None:
        processes.send_signal(signal.SIGTERM)
        processes.wait()


if __name__ == "__main__":
    main()
