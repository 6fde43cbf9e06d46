"""What a page tells its reader to do: the blocks of code of a Markdown file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_LAST_FILE_NAME = re.compile(r"`([\w./]+\.py)`[^`]*\Z")

#: What a comment may say of the block that follows it: ``<!-- not run: why -->``.
_MARK = re.compile(r"<!-- (?P<key>not run|exit code|stop)(?:: (?P<value>.+?))? -->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    #: The file that the block is, or is from: ``title="…"`` behind the language.
    title: str | None
    #: The file that the words before the block name last, if any.
    file_name: str | None
    #: The heading that the block stands under.
    heading: str
    #: What comments before the block say of it: why it is not run, the exit code of its last
    #: command, that what still runs is stopped before it.
    marks: dict[str, str]
    line_number: int

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def not_run(self) -> str | None:
        """The reason for which nobody runs or checks it."""
        return self.marks.get("not run")


def read_blocks(path: Path) -> Iterator[Block]:
    """The blocks of code of a Markdown file, in their order."""
    text = path.read_text()
    end = 0
    for match in _BLOCK.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        named = _LAST_FILE_NAME.search(before)
        headings = re.findall(r"^#+ (.*)$", text[: match.start()], re.MULTILINE)
        yield Block(
            language=match["language"],
            text=match["text"],
            title=match["title"],
            file_name=named and named[1],
            heading=headings[-1] if headings else "",
            marks={mark["key"]: mark["value"] or "" for mark in _MARK.finditer(before)},
            line_number=text.count("\n", 0, match.start()) + 1,
        )
