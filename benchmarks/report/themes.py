"""How charts look on light and on dark pages, and how they become files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

THEMES = ("light", "dark")


@contextlib.contextmanager
def theme(name: str) -> Iterator[None]:
    """What is drawn inside looks like a theme."""
    styles = [Path(__file__).with_name(f"{part}.mplstyle") for part in ("base", name)]
    with matplotlib.style.context(styles):
        yield


def svg(drawing: Figure) -> str:
    """A drawing as an SVG file, the same each time."""
    buffer = io.StringIO()
    metadata = {"Date": None, "Creator": None}
    drawing.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())
