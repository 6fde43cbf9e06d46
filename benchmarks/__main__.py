"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.catalog import SYSTEMS
from benchmarks.environments import PROJECT_DIR, InstallationError
from benchmarks.measure import PARTS
from benchmarks.output.report import (
    RESULTS_DIR,
    ReportError,
    newest_result,
    read_result,
    write_report,
)
from benchmarks.output.table import COLUMNS_FOR_RANGES, print_result
from benchmarks.run import Plan, Run
from benchmarks.server import PERSISTENCE, ServerError
from benchmarks.summary import Summary


class Choices(click.ParamType[list[str]]):
    """Some of a set of names, with commas between them."""

    name = "names"

    def __init__(self, allowed: list[str]) -> None:
        self._allowed = allowed

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        if isinstance(value, list):
            return value
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in self._allowed:
                self.fail(f"{name!r} is none of {', '.join(self._allowed)}", param, ctx)
        return names


@click.group
def main() -> None:
    """Measure Barback and other task queues, and show the results."""


@main.command
@click.option(
    "--only",
    type=Choices(list(SYSTEMS)),
    default=",".join(SYSTEMS),
    help="The systems to measure, with commas between them.",
)
@click.option(
    "--parts",
    type=Choices(list(PARTS)),
    default=",".join(PARTS),
    help="What to measure, with commas between them.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--scale",
    type=click.FloatRange(min=0.01, max=10),
    default=1.0,
    show_default=True,
    help="A factor for all numbers of messages. Figures from below 1 are for trying things out.",
)
@click.option(
    "--redis-url",
    help="A server to measure on, in place of a Valkey of this run's own: redis://host:port/db. "
    "The database must be empty.",
)
@click.option(
    "--persistence",
    type=click.Choice(list(PERSISTENCE)),
    default="none",
    show_default=True,
    help="Whether the run's own Valkey keeps an append-only file, and how often it syncs it.",
)
@click.option("--upgrade", is_flag=True, help="Install releases that are newer than the installed.")
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=PROJECT_DIR / ".benchmarks",
    help="Where the systems are installed.  [default: .benchmarks]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the result goes.  [default: benchmarks/results/DATE-COMMIT.json]",
)
def run(only: list[str], output: Path | None, **options: Any) -> None:
    """Measure, print a table, and write the result."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = _console()
    plan = Plan(systems=[SYSTEMS[name] for name in only], command=_command(), **options)
    try:
        result = Run(plan, console).result()
    except (ServerError, InstallationError) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(3 if isinstance(error, ServerError) else 1) from None
    print_result(console, Summary(result))
    path = output or RESULTS_DIR / f"{result['started_at'][:10]}-{result['commit']}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    console.print(f"Written to {path}")
    raise SystemExit(1 if result["failures"] else 0)


@main.command
@click.argument(
    "result_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
def report(result_path: Path | None) -> None:
    """Write the READMEs' tables and the chart anew, from a RESULT_PATH or the newest result."""
    console = _console()
    try:
        path = result_path or newest_result()
        summary = Summary(read_result(path))
        print_result(console, summary)
        written = write_report(summary)
    except ReportError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    for each in written:
        console.print(f"Written from {path.name}: {each.relative_to(PROJECT_DIR)}")


def _console() -> Console:
    # A file or a pipe has room for everything.
    return Console(width=None if sys.stdout.isatty() else COLUMNS_FOR_RANGES)


def _command() -> str:
    return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])


if __name__ == "__main__":
    main()
