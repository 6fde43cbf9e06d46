"""``new``: a project of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from barback.new import check_directory, check_name, make_project


@click.command
@click.argument("path", type=click.Path(path_type=Path))
def new(path: Path) -> None:
    """Make a small project in PATH: actors, tests, containers, CI.

    PATH must not exist yet, or be an empty directory. Its last part is the project's name.
    """
    try:
        name = path.resolve().name
        check_name(name)
        check_directory(path)
    except (ValueError, OSError) as error:
        raise click.BadParameter(f"{error}.", param_hint="PATH") from None
    try:
        make_project(path, name)
    except OSError as error:
        raise click.ClickException(f"The project could not be written: {error}.") from None
    click.echo(f"Made {name}. Try it:")
    for command in (f"cd {shlex.quote(str(path))}", "make test", "make run"):
        click.echo(f"    {command}")
    click.echo("Its README.md says how to add an actor of your own.")
