"""Errors of the database, for people."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SQLAlchemyError

from barback.printable import first_line
from database.engine import database_url, is_not_set_up
from database.migrations import NewerTablesError
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How PostgreSQL says that a lock was not to be had in time.
_IN_USE_STATE = "55P03"


@contextlib.contextmanager
def explain_errors() -> Iterator[None]:
    """End a command with one clear message when the database cannot be used.

    Raises:
      click.ClickException: Says which database, why, and what to do.
    """
    try:
        yield
    except NewerTablesError as error:
        raise click.ClickException(f"the database {shown_url()} cannot be used: {error}") from None
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(
            f"the database {shown_url()} cannot be used: {reason_of(error)}. "
            f"{_cure(error.__cause__)}."
        ) from None


def _cure(error: BaseException | None) -> str:
    if getattr(error, "sqlstate", None) == _IN_USE_STATE:
        return "Somebody else uses its tables, such as a backup: run this again later"
    check = f"Check {'DATABASE_URL' if settings.database_url else 'BARBACK_DATA_DIR'}"
    if is_not_set_up(error):
        return f"{check}, and make the tables with `python -m database migrate`"
    return check


def shown_url() -> str:
    """Where the database is, without its password, which may be among the options as well."""
    return database_url().set(query={}).render_as_string(hide_password=True)


def reason_of(error: BaseException) -> str:
    """The first line of what the driver or the system said, without the statement."""
    return first_line(error.__cause__ or error)
