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

from barback.exits import terminal_is_gone
from importing import try_to_import

PROJECT_DIR = Path(__file__).resolve().parent

#: What none of the processes imports.
_UNWATCHED = [
    PROJECT_DIR / name for name in (".benchmarks", ".venvs", "benchmarks", "examples", "tests")
]


#: What the processes import, between them.
_PROGRAMS = ("actors", "scheduler", "web.app")


@click.command
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(path: Path) -> None:
    """Run the Procfile PATH until Ctrl-C, and start it anew whenever Python code changes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: stop.set())
    processes = _start(path) if _can_be_imported(stop) else None
    try:
        for changes in watch(
            PROJECT_DIR,
            watch_filter=PythonFilter(ignore_paths=_UNWATCHED, extra_extensions=(".po",)),
            stop_event=stop,
            yield_on_timeout=True,
        ):
            if terminal_is_gone():
                break
            if not changes:
                continue
            names = sorted(str(Path(name).relative_to(PROJECT_DIR)) for _, name in changes)
            click.echo(f"Changed: {', '.join(names)}.")
            if _can_be_imported(stop):
                _end(processes)
                processes = _start(path)
    except (OSError, RuntimeError) as error:  # the latter is what watchfiles' own errors are
        raise click.ClickException(
            f"changes cannot be noticed: {str(error).partition(' about [')[0].rstrip('.')}. Allow "
            "more in fs.inotify (`sysctl fs.inotify`), or have all files looked at again and "
            "again: WATCHFILES_FORCE_POLLING=1 make dev"
        ) from None
    finally:
        _end(processes)


def _can_be_imported(stop: threading.Event) -> bool:
    """Say what is wrong with the code, once, unless it is being stopped."""
    code, fault = try_to_import(*_PROGRAMS)
    if code and not stop.is_set():
        click.echo(f"{fault}\nNothing is started with that. Mend it, and save.", err=True)
    return not code


def _start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROJECT_DIR / "procfile.py"), "--imported", str(path)]
    return subprocess.Popen(command)  # noqa: S603


def _end(processes: subprocess.Popen[bytes] | None) -> None:
    """Wait for as long as the work takes: procfile.py sees to it that it ends."""
    if processes is not None:
        processes.send_signal(signal.SIGTERM)
        processes.wait()


if __name__ == "__main__":
    main()
