"""``python -m database migrate`` makes the tables or brings them up to date."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click
from rich.progress import track
from sqlalchemy.exc import SQLAlchemyError

from database.demo_data import CHUNK_ROWS, add_demo_sales
from database.engine import database_url, make_engine
from database.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after the bar's books (the database)."""


@main.command("migrate")
def migrate_command() -> None:
    """Make the tables or bring them up to date."""
    with _clear_errors():
        migrate(make_engine(database_url()))
    click.echo(f"The tables of {_shown_url()} are up to date.")


@main.command()
@click.option(
    "--rows", default=1_000_000, show_default=True, type=click.IntRange(1), help="How many sales."
)
def demo_data(rows: int) -> None:
    """Add two years of plausible sales, so that reports have something to add up."""
    engine = make_engine(database_url())
    with _clear_errors():
        migrate(engine)
        chunks = add_demo_sales(engine, rows)
        for _ in track(chunks, "Adding sales", total=-(-rows // CHUNK_ROWS)):
            pass
    click.echo(f"Added {rows:,} sales to {_shown_url()}.")


def _shown_url() -> str:
    return database_url().render_as_string(hide_password=True)


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip()
        raise click.ClickException(
            f"the database {_shown_url()} cannot be used: {reason}"
        ) from None


if __name__ == "__main__":
    main(prog_name="python -m database")
