"""``python -m database migrate`` makes the tables or brings them up to date; and who is staff."""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
from typing import TYPE_CHECKING

import click
from rich.progress import track

from database.demo_data import CHUNK_ROWS, add_demo_sales
from database.engine import database_url, make_engine, writing
from database.errors import explain_errors, shown_url
from database.migrations import migrate
from database.users import set_staff
from email_addresses import InvalidAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after the bar's database."""


@main.command("migrate")
def migrate_command() -> None:
    """Make the tables or bring them up to date."""
    with explain_errors():
        migrate(make_engine(database_url()))
    click.echo(f"The tables of {shown_url()} are up to date.")


@main.command()
@click.option(
    "--rows",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000_000),
    help="How many sales.",
)
def demo_data(rows: int) -> None:
    """Add two years of plausible sales, so that reports have something to add up."""
    with explain_errors():
        engine = make_engine(database_url())
        migrate(engine)
    for _ in track(_add_sales(engine, rows), "Adding sales", total=-(-rows // CHUNK_ROWS)):
        pass
    click.echo(f"Added {rows:,} sales to {shown_url()}.")


def _add_sales(engine: Engine, rows: int) -> Iterator[int]:
    """On its own: where the progress cannot be shown, the database is not to blame."""
    with explain_errors():
        yield from add_demo_sales(engine, rows)


@main.command()
@click.argument("address")
@click.option("--undo", is_flag=True, help="Make them a customer again.")
def make_staff(address: str, undo: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Let the account with the e-mail ADDRESS see the reports."""
    try:
        email = parse_address(address).addr_spec
    except InvalidAddress as error:
        raise click.BadParameter(str(error), param_hint="ADDRESS") from None
    with explain_errors(), writing() as session:
        is_known = set_staff(session, email, is_staff=not undo)
    if not is_known:
        raise click.UsageError(
            f"{address} has no account. Sign up on the website and confirm the address first."
        )
    click.echo(f"{address} is {'not staff any more' if undo else 'staff now'}.")


if __name__ == "__main__":
    main(prog_name="python -m database")
