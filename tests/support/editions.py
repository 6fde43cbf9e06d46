"""The pages of the Chinese edition, each beside the English page that it says the same as.

Pages are compared by what a language does not change: headings, code, figures, links. For the
rest, a Chinese page says at its end which text of the English one it is in line with.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.readme import read_blocks

_PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
_CHINESE_DIR = "docs/zh/"

#: The Chinese list of terms stands in for the English glossary.
TERMS = "docs/zh/terms.md"
_GLOSSARY = "docs/reference/glossary.md"

#: What is there in both languages, below the project's directory.
_TRANSLATED = ("README.md", "docs/index.md", "docs/tutorial/*.md", "docs/how-to/*.md")

_PICTURES = (".png", ".svg")

_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r'\]\(([^)\s]+)\)|<(https?://[^>\s]+)>|(?:src|srcset)="([^"]+)"')
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
_IN_LINE = re.compile(r"<!-- in line with ([0-9a-f]{12}) of the English page -->\s*\Z")
_GENERATED = re.compile(r"<!-- benchmark: .*<!-- benchmark: end -->", re.DOTALL)


def english_pages() -> list[str]:
    """The pages that are there in both languages."""
    paths = sorted(path for pattern in _TRANSLATED for path in _PROJECT_DIR.glob(pattern))
    return [path.relative_to(_PROJECT_DIR).as_posix() for path in paths]


def chinese_pages() -> list[str]:
    """The pages of the Chinese edition, but for its list of terms."""
    paths = [*_PROJECT_DIR.glob("*.zh.md"), *(_PROJECT_DIR / _CHINESE_DIR).rglob("*.md")]
    return sorted({path.relative_to(_PROJECT_DIR).as_posix() for path in paths} - {TERMS})


def in_chinese(english: str) -> str:
    """Where the Chinese page of an English one is, or the Chinese picture."""
    if english == _GLOSSARY:
        return TERMS
    if english.endswith(_PICTURES):
        return re.sub(r"(\.\w+)$", r"-zh\1", english)
    if english.startswith("docs/"):
        return _CHINESE_DIR + english.removeprefix("docs/")
    return english.removesuffix(".md") + ".zh.md"


def in_english(page: str) -> str:
    """Where the English page or picture of a Chinese one is; English ones are their own."""
    if page == TERMS:
        return _GLOSSARY
    if page.endswith(_PICTURES):
        return re.sub(r"-zh(\.\w+)$", r"\1", page)
    if page.startswith(_CHINESE_DIR):
        return "docs/" + page.removeprefix(_CHINESE_DIR)
    return page.removesuffix(".zh.md") + ".md" if page.endswith(".zh.md") else page


@dataclass(frozen=True)
class Section:
    """What stands under one heading, blocks of code left out."""

    level: int
    prose: str
    code: frozenset[str]
    #: Digits as they stand, and how often: 3, 1.2, 4,000.
    numbers: Counter[str]
    #: Where links lead, by the English pages, and by the place of the heading in them.
    links: Counter[str]
    list_items: int
    table_rows: int


@dataclass(frozen=True)
class Page:
    """One page of one edition; its name is its path below the project's directory."""

    name: str
    text: str

    @classmethod
    def read(cls, name: str) -> Page:
        return cls(name, (_PROJECT_DIR / name).read_text())

    @property
    def blocks(self) -> list[tuple[str, str | None, str]]:
        """The blocks of code: language, title, text."""
        blocks = read_blocks(_PROJECT_DIR / self.name)
        return [(each.language, each.title, each.text) for each in blocks]

    @property
    def prose(self) -> str:
        """What readers read, without blocks of code, code in the line and where links lead."""
        return _prose(_without_blocks(self.text))

    @property
    def lines(self) -> list[str]:
        """The lines outside of blocks of code."""
        return _without_blocks(self.text).splitlines()

    @property
    def sections(self) -> list[Section]:
        parts = re.split(r"^(?=#+ )", _without_blocks(self.text), flags=re.MULTILINE)
        return [self._section(part) for part in parts if part.startswith("#")]

    @property
    def fingerprint(self) -> str:
        """Of the words; line breaks do not matter, and what is generated is held otherwise."""
        words = _GENERATED.sub("", self.text).split()
        return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]

    @property
    def in_line_with(self) -> str | None:
        """The fingerprint of the English page that a Chinese one says the same as."""
        found = re.search(
            r"<!-- in line with ([0-9a-f]{12}) of the English page -->\s*\Z", self.text
        )
        return found and found[1]

    def link_targets(self) -> list[tuple[str, str]]:
        """Where links to other pages and files lead, below the project's directory, and anchors."""
        found = ("".join(groups) for groups in _LINK.findall(_without_blocks(self.text)))
        return [self._resolve(link) for link in found if not _is_outside(link)]

    def anchors(self) -> list[str]:
        """The anchors of the headings, in their order, as GitHub and the website make them."""
        headings = _HEADING.findall(_without_blocks(self.text))
        return [re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for _, text in headings]

    def _section(self, text: str) -> Section:
        heading = re.match(r"#+", text)
        links = ("".join(groups) for groups in _LINK.findall(text))
        return Section(
            level=len(heading[0]) if heading else 0,
            prose=_prose(text),
            code=frozenset(_CODE.findall(text)),
            numbers=Counter(re.findall(r"\d+(?:[.,]\d+)*", _prose(text))),
            links=Counter(self._placed(link) for link in links),
            list_items=len(re.findall(r"^ *(?:-|\d+\.) ", text, re.MULTILINE)),
            table_rows=len(re.findall(r"^\|", text, re.MULTILINE)),
        )

    def _placed(self, link: str) -> str:
        if _is_outside(link):
            return link
        path, anchor = self._resolve(link)
        if not anchor:
            return in_english(path)
        anchors = Page.read(path).anchors()
        place = anchors.index(anchor) if anchor in anchors else None
        return f"{in_english(path)}, heading {place}"

    def _resolve(self, link: str) -> tuple[str, str]:
        path, _, anchor = link.partition("#")
        target = ((_PROJECT_DIR / self.name).parent / path).resolve() if path else None
        return target.relative_to(_PROJECT_DIR).as_posix() if target else self.name, anchor


def _without_blocks(text: str) -> str:
    return _COMMENT.sub("", _CODE_BLOCK.sub("", text))


def _prose(text: str) -> str:
    text = re.sub(r"\]\([^)\s]+\)", "]", _CODE.sub("", text))
    return re.sub(r"<https?://[^>\s]+>|(?:src|srcset)=\"[^\"]+\"", "", text)


def _is_outside(link: str) -> bool:
    return re.match(r"https?:|mailto:", link) is not None
