"""Durations as people type them: ``90s``, ``10m``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re

import click

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PATTERN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)

#: The longest duration that is taken for one, in seconds: a year.
MAX_SECONDS = 366 * 86_400

#: The most characters that are looked at: no such duration is longer.
_MAX_CHARACTERS = 30


class DurationType(click.ParamType[int]):
    """A duration; the command gets seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        found = _PATTERN.fullmatch(str(value)[:_MAX_CHARACTERS].strip().lower())
        counts = found.groups(default="0") if found else ()
        seconds = sum(
            int(count) * size for count, size in zip(counts, _SECONDS.values(), strict=False)
        )
        if not 0 < seconds <= MAX_SECONDS:
            self.fail(
                f"expected a time such as 90s, 10m, 1h30m or 2d, up to a year; got {value!r}.",
                param,
                ctx,
            )
        return seconds
