"""Names of queues, actors and the like, as people type them."""

from __future__ import annotations

import click


class NameType(click.ParamType[str]):
    """A name. An empty one is nearly always a variable of a shell that is not set."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail(f"expected a name, got {value!r}.", param, ctx)
        return value


NAME = NameType()


def each_once(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A click callback: what was typed twice is meant once."""
    return tuple(dict.fromkeys(values))
