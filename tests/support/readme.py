"""What a README tells its reader to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LAST_FILE_NAME = re.compile(r"`([\w./]+\.py)`[^`]*\Z")


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    #: The file that the words before the block name last, if any.
    file_name: str | None
    #: The heading that the block stands under.
    heading: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def read_blocks(path: Path) -> Iterator[Block]:
    """The blocks of code of a Markdown file, in their order."""
    text = path.read_text()
    end = 0
    for match in _BLOCK.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        named = _LAST_FILE_NAME.search(before)
        headings = re.findall(r"^#+ (.*)$", text[: match.start()], re.MULTILINE)
        yield Block(match["language"], match["text"], named and named[1], headings[-1])
