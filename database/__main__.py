"""``python -m database migrate`` makes the tables or brings them up to date."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from database.engine import database_url, make_engine
from database.migrations import migrate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after the bar's books (the database)."""


@main.command("migrate")
def migrate_command() -> None:
    """Make the tables or bring them up to date."""
    url = database_url()
    shown_url = url.render_as_string(hide_password=True)
    try:
        migrate(make_engine(url))
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip()
        raise click.ClickException(f"the database {shown_url} cannot be used: {reason}") from None
    click.echo(f"The tables of {shown_url} are up to date.")


if __name__ == "__main__":
    main(prog_name="python -m database")
