"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.harness.environments import CACHE_DIR
from benchmarks.harness.machine import PROJECT_DIR
from benchmarks.harness.run import Run
from benchmarks.harness.server import ServerError
from benchmarks.harness.system import System, UnusableSystem
from benchmarks.parts import PARTS
from benchmarks.report.markdown import terminal_report
from benchmarks.report.pages import RESULTS_DIR, newest_result, read_result, write_report
from benchmarks.report.result import ReportError, Result
from benchmarks.systems.catalog import SYSTEMS, older

#: Figures down and systems across need some room.
COLUMNS_OF_FILES = 160


def _names(what: str, allowed: dict[str, Any]) -> Any:
    """The settings of an option for some of a set of names, with commas between them."""

    def convert(_context: Any, _parameter: Any, value: str) -> list[str]:
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is none of {', '.join(allowed)}")
        return names

    names = ",".join(allowed)
    return {"default": names, "callback": convert, "help": f"{what}.  [default: {names}]"}


def _older(_context: Any, _parameter: Any, checkout: Path | None) -> System | None:
    try:
        return older(checkout) if checkout else None
    except UnusableSystem as error:
        raise click.BadParameter(str(error)) from None


@click.group
def main() -> None:
    """Measure Barback and other task queues, and show the results."""


@main.command
@click.option("--only", **_names("The systems to measure", SYSTEMS))
@click.option(
    "--barback",
    "before",
    callback=_older,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another checkout of this repository (git worktree add PATH COMMIT), whose barback is "
    "measured in the same run, as the system `older`.",
)
@click.option("--parts", **_names("What to measure", PARTS))
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--quick",
    is_flag=True,
    help="Show only that everything works: one repeat, a hundredth of the messages. The figures "
    "mean nothing.",
)
@click.option(
    "--redis-url",
    help="A server to measure on, in place of a Valkey of this run's own: redis://host:port/db. "
    "The database must be empty.",
)
@click.option("--upgrade", is_flag=True, help="Install releases that are newer than the installed.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the result goes.  [default: benchmarks/results/DATE-COMMIT.json, or "
    ".benchmarks/quick.json]",
)
def run(
    only: list[str], parts: list[str], before: System | None, output: Path | None, **options: Any
) -> None:
    """Measure, print tables, and write the result."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else COLUMNS_OF_FILES)
    if options["quick"]:
        options["repeats"] = 1
    try:
        systems = [SYSTEMS[name] for name in only]
        if before is not None:
            # Next to ours, so that the two that are to be compared run one right after the other.
            systems.insert(only.index("ours") + 1 if "ours" in only else 0, before)
        its_parts = [PARTS[name] for name in parts]
        result = Run(console, systems, its_parts, command=_command(), **options).result()
    except (ServerError, UnusableSystem) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(3 if isinstance(error, ServerError) else 1) from None
    console.print(Markdown(terminal_report(Result(result))))
    path = output or _default_path(result)
    path.write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")
    console.print(f"Written to {path}")
    raise SystemExit(1 if result["failures"] else 0)


@main.command
@click.argument(
    "result_path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
def report(result_path: Path | None) -> None:
    """Write the tables and the charts anew, from a RESULT_PATH or the newest result."""
    try:
        path = result_path or newest_result()
        written = write_report(read_result(path))
    except ReportError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    for each in written:
        click.echo(f"Written from {path.name}: {each.relative_to(PROJECT_DIR)}")


def _default_path(result: dict[str, Any]) -> Path:
    if result["quick"]:
        return CACHE_DIR / "quick.json"
    return RESULTS_DIR / f"{result['started_at'][:10]}-{result['commit']}.json"


def _command() -> str:
    """The command, without the paths of this machine and what may stand in a URL."""
    arguments = (re.sub(r"(^|=)\S*/\S*$", r"\1…", each) for each in sys.argv[1:])
    return " ".join(["python", "-m", "benchmarks", *arguments])


if __name__ == "__main__":
    main()
