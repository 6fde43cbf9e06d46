"""What every table has in common."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import (
    CursorResult,
    DateTime,
    Enum,
    Executable,
    Integer,
    MetaData,
    TypeDecorator,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable

    from sqlalchemy import Dialect, Select

#: ``INSERT … ON CONFLICT DO NOTHING`` is not standard SQL: every dialect has its own.
_INSERT: dict[str, Callable[[Any], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}

#: What stands for a time that Python cannot say, such as PostgreSQL's infinity: one bad value in
#: one row is not to keep all others from being read.
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A point in time. SQLite knows no time zones, so what is stored there is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: dt.datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], dt.datetime | None] | None:
        read = super().result_processor(dialect, coltype)

        def read_or_never(value: Any) -> dt.datetime | None:
            try:
                return read(value) if read is not None else value
            except (TypeError, ValueError, OverflowError):
                return NEVER

        return read_or_never

    def process_result_value(
        self,
        value: dt.datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class WholeNumber(TypeDecorator[int]):
    """A number. Whatever else SQLite has stored in the column, somebody's text, is read as 0."""

    impl = Integer
    cache_ok = True

    def process_result_value(
        self,
        value: Any,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> int | None:
        return value if value is None or isinstance(value, int) else 0


class Base(DeclarativeBase):
    """The base of every model. Named constraints, so that a migration can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dt.datetime: UtcDateTime}  # noqa: RUF012 - read by SQLAlchemy


T = TypeVar("T", bound=Base)


def text_enum(states: type[enum.StrEnum]) -> Enum:
    """A column type that stores the values of an enumeration as plain text."""
    return Enum(
        states,
        native_enum=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


def insert_new(session: Session, model: type[Base], **values: Any) -> bool:
    """Insert a row unless one with the same key exists; tell whether it was inserted."""
    insert = _INSERT[session.get_bind().dialect.name]
    statement = insert(model).values(**values).on_conflict_do_nothing()
    # Not its row count, which PostgreSQL's driver does not tell for an INSERT of a model.
    return session.execute(statement.returning(*inspect(model).primary_key)).first() is not None


def insert_or_find(
    session: Session, model: type[T], query: Select[T], **values: Any
) -> tuple[T, bool]:
    """Insert a row, or find the one that keeps it from being inserted.

    On PostgreSQL that row can be gone or changed when it is looked for: somebody ended it in
    between. Then the way is free.

    Parameters:
      query: Finds the row, inserted or in the way.

    Returns:
      The row, and whether it is new.
    """
    while True:
        is_new = insert_new(session, model, **values)
        found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if found is not None:
            return found, is_new


def take_turn(session: Session, what: str) -> None:
    """Wait until no other transaction has this turn, which ends with the caller's.

    What is counted first and inserted then exceeds its limit if several do so at once. SQLite has
    one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


def changed_rows(session: Session, statement: Executable) -> int:
    """Execute an UPDATE or DELETE; return how many rows it changed."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
