"""How pictures look on light and on dark pages, and how they become files, in each language."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from barback.i18n import ENGLISH, LANGUAGES, speaking

THEMES = ("light", "dark")


@contextlib.contextmanager
def theme(name: str) -> Iterator[None]:
    """What is drawn inside looks like a theme."""
    styles = [Path(__file__).with_name(f"{part}.mplstyle") for part in ("base", name)]
    with matplotlib.style.context(styles):
        yield


def in_each_language(name: str, draw: Callable[[str], Figure]) -> dict[str, str]:
    """A picture as SVG files, by their names: for each theme, in each language.

    Parameters:
      name: How the files' names begin.
      draw: Is given the theme's name.
    """
    files = {}
    for language in LANGUAGES.values():
        suffix = "" if language is ENGLISH else f"-{language.code}"
        for theme_name in THEMES:
            with speaking(language), theme(theme_name), warnings.catch_warnings():
                # Words are written as text, in a font of the reader's machine.
                warnings.filterwarnings("ignore", "Glyph .* missing from font")
                files[f"{name}-{theme_name}{suffix}.svg"] = svg(draw(theme_name))
    return files


def svg(drawing: Figure) -> str:
    """A drawing as an SVG file, the same each time."""
    buffer = io.StringIO()
    metadata = {"Date": None, "Creator": None}
    drawing.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())
