"""The pages of the project that have readers: the README and the documentation, in English.

Those in other languages have the same blocks of code, which another test makes sure of.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.readme import read_blocks

_PROJECT_DIR = Path(__file__).resolve().parent.parent.parent

#: Paths below the project's directory.
PAGES = [
    "README.md",
    "barback/README.md",
    *sorted(
        path.relative_to(_PROJECT_DIR).as_posix()
        for path in (_PROJECT_DIR / "docs").rglob("*.md")
        if path.relative_to(_PROJECT_DIR / "docs").parts[0] != "zh"
    ),
]


def count_blocks() -> tuple[int, int]:
    """How many blocks of code there are, and how many of them nobody runs or checks."""
    blocks = [block for name in PAGES for block in read_blocks(_PROJECT_DIR / name)]
    return len(blocks), sum(block.not_run is not None for block in blocks)
