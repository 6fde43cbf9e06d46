"""What commands print: for people, or JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=_encode))


def duration(seconds: float | None) -> str:
    """A time as people say it: 0.4 s, 12 s, 3 min, 2 h, 5 d."""
    if seconds is None:
        return "-"
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            amount = seconds / size
            return f"{amount:.1f} {unit}" if amount < 10 and unit == "s" else f"{amount:.0f} {unit}"  # noqa: PLR2004
    return f"{seconds / 86_400:.0f} d"


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    raise TypeError(f"cannot print {value!r} as JSON")
