"""The five fields of a cron expression, and what to tell people who got one wrong."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from cronsim import CronSim, CronSimError


class Field(NamedTuple):
    name: str
    lowest: int
    highest: int
    names: str = ""


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, "jan-dec"),
    Field("day of week", 0, 7, "sun-sat, 0 and 7 are Sunday"),
)

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

#: ``5-5/2`` is 5 alone. cronsim takes it for ``5/2``, every second value from 5 on.
_RANGE_OF_ONE = re.compile(r"\b(\w+)-\1/[1-9][0-9]*\b")


def five_fields(spec: str) -> list[str]:
    """Split an expression into its fields, a macro such as ``@daily`` into those it stands for.

    Raises:
      ValueError: When it is neither.
    """
    text = spec.strip().lower()
    if text.startswith("@") and text not in MACROS:
        raise ValueError(f"expected one of {', '.join(MACROS)}, got {text!r}.")
    fields = _RANGE_OF_ONE.sub(r"\1", MACROS.get(text, text)).split()
    if len(fields) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        raise ValueError(f"expected 5 fields ({names}), got {len(fields)}.")
    return fields


def wrong_field(fields: list[str]) -> str:
    """Say which field is wrong, and what was expected there."""
    for position, (expected, text) in enumerate(zip(FIELDS, fields, strict=True)):
        if not _is_right(position, text):
            return (
                f"the field {expected.name} is {text!r}, expected numbers from "
                f"{expected.lowest} to {expected.highest}{_or_names(expected)}, as a list (1,3), "
                f"an upward range (1-5), a step (*/2) or *."
            )
    return f"the day of month {fields[2]!r} never comes in month {fields[3]!r}."


def _is_right(position: int, text: str) -> bool:
    alone = ["*"] * len(FIELDS)
    alone[position] = text
    try:
        CronSim(" ".join(alone), dt.datetime(2000, 1, 1))  # noqa: DTZ001 - a wall clock
    except CronSimError:
        return False
    return True


def _or_names(field: Field) -> str:
    return f" (or {field.names})" if field.names else ""
