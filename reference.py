"""Writes the pages of ``docs/reference`` that tell what the code says: ``make reference``."""

from __future__ import annotations

import subprocess
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import dramatiq
import dramatiq.broker
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend

from barback.cli import main as barback_command
from barback.control.stub import StubBroker
from barback.periodic import Periodic
from settings import DEFAULT_SECRET, PROJECT_DIR, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REFERENCE_DIR = PROJECT_DIR / "docs" / "reference"

#: How wide help is shown, in characters.
HELP_WIDTH = 88

_GENERATED = "<!-- Written by `make reference`, from {origin}. -->"


def pages() -> dict[Path, str]:
    """Each page that is generated, with its text."""
    return {
        REFERENCE_DIR / "settings.md": settings_page(),
        REFERENCE_DIR / "commands.md": commands_page(),
        REFERENCE_DIR / "queues.md": queues_page(),
    }


def settings_page() -> str:
    rows = [
        (f"`{name.upper()}`", _default(field.default), _meaning(field))
        for name, field in Settings.model_fields.items()
    ]
    of_the_board = [
        (f"`{parameter.envvar}`", _default(parameter.default), str(parameter.help))
        for parameter in barback_command.commands["board"].params
        if isinstance(parameter, click.Option) and parameter.envvar not in (None, "LOG_FORMAT")
    ]
    return _page(
        "Settings",
        "settings.py and the commands",
        "Every program of the bar reads these from its environment, once, when it starts. A value\n"
        "that cannot be used ends it with exit code 2 and a sentence that names the variable.",
        _table(("variable", "default", "meaning"), rows),
        "The board, `python -m barback board`, has some more:",
        _table(("variable", "default", "meaning"), of_the_board),
        "The library reads none of these: it is told by its caller. Dramatiq reads\n"
        "`dramatiq_queue_prefetch`, the number of messages that a worker takes ahead; without it,\n"
        "as many as take it 80 ms.",
    )


def commands_page() -> str:
    import producer  # noqa: PLC0415 - it imports the actors
    import scheduler  # noqa: PLC0415
    from database.__main__ import main as database_command  # noqa: PLC0415
    from web.__main__ import main as web_command  # noqa: PLC0415

    programs: dict[str, click.Command] = {
        "python producer.py": producer.main,
        "python scheduler.py": scheduler.main,
        "python -m barback": barback_command,
        "python -m database": database_command,
        "python -m web": web_command,
    }
    parts = []
    for name, command in programs.items():
        parts.append(f"## {name}")
        parts += [f"```text\n{text}\n```" for text in _helps(command, name)]
    return _page(
        "Commands",
        "their --help",
        "Exit codes: 0 done, 1 the work failed, 2 wrong usage or settings, 3 the broker cannot be\n"
        "reached. Workers are started with Dramatiq's own `dramatiq actors -Q QUEUE …`, and the\n"
        "house's schedules with `periodiq actors`. Where the package is installed with the extra\n"
        "`cli`, `barback` is the same as `python -m barback`.",
        "## make",
        f"```text\n{_make_help()}\n```",
        *parts,
    )


def queues_page() -> str:
    import actors  # noqa: PLC0415 - when the broker is set

    found = [actor for actor in vars(actors).values() if isinstance(actor, dramatiq.Actor)]
    rows = sorted(map(_actor_row, found))
    return _page(
        "Queues and actors",
        "actors/",
        "The work of the bar: a module in `actors/` for each queue. A worker serves the queues\n"
        "that `-Q` names, or all.",
        _table(("queue", "actor", "what it does", "runs", "retries"), rows),
        "Times by the clock are those of `BAR_TIMEZONE`: [Work by the clock](../schedules.md). To\n"
        "add a queue of your own, see CONTRIBUTING.md.",
    )


def _actor_row(actor: dramatiq.Actor[Any, Any]) -> tuple[str, ...]:
    parameters = ", ".join(signature(actor.fn).parameters)
    periodic = actor.options.get("periodic")
    return (
        f"`{actor.queue_name}`",
        f"`{actor.actor_name}({parameters})`",
        " ".join((actor.fn.__doc__ or "").split("\n\n")[0].split()),
        f"`{periodic}`" if periodic else "when it is sent",
        str(actor.options["max_retries"]),
    )


def _page(title: str, origin: str, *parts: str) -> str:
    return "\n\n".join([_GENERATED.format(origin=origin), f"# {title}", *parts]) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _default(value: Any) -> str:
    if value == DEFAULT_SECRET:
        return "not a secret"
    if isinstance(value, Path):
        value = value.relative_to(PROJECT_DIR)
    is_given = value not in (None, "") and "UNSET" not in str(value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if is_given else "none"


def _meaning(field: Any) -> str:
    bounds = {type(bound).__name__: bound for bound in field.metadata}
    low, high = (getattr(bounds.get(name), name.lower(), None) for name in ("Ge", "Le"))
    meaning = str(field.description)
    if field.examples:
        meaning += f" For example {', '.join(f'`{example}`' for example in field.examples)}."
    if low is not None and high is not None:
        return f"{meaning} From {low:,} to {high:,}."
    return f"{meaning} At least {low:,}." if low else meaning


def _helps(command: click.Command, name: str) -> Iterator[str]:
    """What ``--help`` says, of the command and then of each below it."""
    context = click.Context(
        command, info_name=name, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
    )
    yield _clean(command.get_help(context))
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            yield from _helps(command.commands[below], f"{name} {below}")


def _make_help() -> str:
    run = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return _clean(run.stdout)


def _clean(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def main() -> None:
    if dramatiq.broker.global_broker is None:
        broker = StubBroker()  # so that no server is started
        broker.add_middleware(Periodic())
        broker.add_middleware(Results(backend=StubBackend()))
        dramatiq.set_broker(broker)
    for path, text in pages().items():
        path.write_text(text, "utf-8")
        print(f"Wrote {path.relative_to(PROJECT_DIR)}.")


if __name__ == "__main__":
    main()
