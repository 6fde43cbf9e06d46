"""Times that PostgreSQL knows and Python does not, such as ``infinity``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import DataError
from psycopg.types.datetime import TimestamptzLoader

from database.base import NEVER

if TYPE_CHECKING:
    import datetime as dt

    from psycopg.abc import Buffer


class FarTimeLoader(TimestamptzLoader):
    """Reads such a time as NEVER."""

    def load(self, data: Buffer) -> dt.datetime:
        try:
            return super().load(data)
        except DataError:
            return NEVER
