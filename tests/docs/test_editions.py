"""The Chinese edition says what the English one says, in the words of its list of terms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.conftest import PROJECT_DIR
from tests.support.editions import TERMS, Page, chinese_pages, english_pages, in_chinese, in_english

#: What the website and the board say in Chinese.
CATALOGUES = ["translations/zh_CN.po", "barback/board/zh_CN.po"]

#: The folders whose pages are read one after the other.
LESSONS = {"tutorial", "how-to"}

#: What is the same in every language: placeholders and code.
NOT_WORDS = re.compile(r"%\(\w+\)s|<code>.*?</code>")

CHINESE = r"[\u4e00-\u9fff]"


def terms() -> list[list[str]]:
    """The rows of the tables of the list of terms: English, Chinese, what is not written."""
    lines = (line for line in Page.read(TERMS).lines if line.startswith("| "))
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in lines]
    return [row for row in rows if row[0] != "英文"]


def both(name: str) -> tuple[Page, Page]:
    """The English page and the Chinese one."""
    return Page.read(in_english(name)), Page.read(name)


def test_each_page_is_there_in_both_languages() -> None:
    assert chinese_pages() == sorted(in_chinese(name) for name in english_pages())


@pytest.mark.parametrize("name", chinese_pages())
def test_both_have_the_same_headings_and_blocks_of_code(name: str) -> None:
    english, chinese = both(name)
    assert [it.level for it in chinese.sections] == [it.level for it in english.sections]
    assert chinese.blocks == english.blocks


@pytest.mark.parametrize("name", chinese_pages())
def test_both_have_the_same_figures_code_links_and_lists_under_each_heading(name: str) -> None:
    english, chinese = both(name)
    for ours, theirs in zip(chinese.sections, english.sections, strict=True):
        where = f"{name}, {ours.prose.splitlines()[0]}"
        assert ours.numbers == theirs.numbers, where
        assert ours.code == theirs.code, where
        assert ours.links == theirs.links, where
        assert (ours.list_items, ours.table_rows) == (theirs.list_items, theirs.table_rows), where


@pytest.mark.parametrize("name", chinese_pages())
def test_a_chinese_page_is_in_line_with_the_english_one_of_today(name: str) -> None:
    english, chinese = both(name)
    assert chinese.in_line_with == english.fingerprint, (
        f"{english.name} has changed since {name} was brought in line with it. See what changed "
        f"(git log -p {english.name}), say the same in {name}, and end it with this line:\n"
        f"<!-- in line with {english.fingerprint} of the English page -->"
    )


@pytest.mark.parametrize("name", [it for it in chinese_pages() if Path(it).parent.name in LESSONS])
def test_a_page_says_what_you_will_have_and_what_comes_next(name: str) -> None:
    text = Page.read(name).text
    assert re.match(r"# .+\n\n\*\*[学读]完[^*]+\*\*\W", text)
    assert re.search(r"\n下一页\W\[.+\]\(\S+\)\n\n<!-- .+\n\Z", text)


@pytest.mark.parametrize("name", [*chinese_pages(), TERMS])
def test_links_lead_somewhere_and_to_what_is_in_chinese_where_there_is_such(name: str) -> None:
    page = Page.read(name)
    for target, anchor in page.link_targets():
        assert (PROJECT_DIR / target).exists(), f"{name}: {target}"
        if anchor:
            assert anchor in Page.read(target).anchors(), f"{name}: {target}#{anchor}"
        if target != in_english(name) and target.endswith((".md", ".png", ".svg")):
            chinese = in_chinese(in_english(target))
            assert target == chinese or not (PROJECT_DIR / chinese).exists(), f"{name}: {target}"


def test_the_chinese_readme_counts_the_pages_on_operation_that_are_in_chinese() -> None:
    operation = (PROJECT_DIR / "README.zh.md").read_text().split("\n## 运维\n")[1].split("\n## ")[0]
    counted = re.search("这(.)页是中文", operation)
    assert counted
    assert "一二三四五六七八九".index(counted[1]) + 1 == operation.count("](docs/zh/")


def test_the_list_of_terms_has_each_word_of_the_glossary() -> None:
    glossary = (PROJECT_DIR / in_english(TERMS)).read_text()
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", glossary, re.MULTILINE)
    assert words
    assert [row[0] for row in terms() if len(row) == 4] == words


@pytest.mark.parametrize("name", [*chinese_pages(), *CATALOGUES])
def test_words_that_the_list_of_terms_rules_out_are_not_used(name: str) -> None:
    prose = Page.read(name).prose
    for english, chinese, ruled_out, *_ in terms():
        if english == "you" and name in CATALOGUES:
            continue  # the website is more polite than the documentation
        used = [word for word in ruled_out.split("、") if word in prose]
        assert not used, f"{name}: {english} is {chinese}, not {used}"


@pytest.mark.parametrize("name", chinese_pages())
def test_where_the_english_page_has_a_term_the_chinese_one_has_it_too(name: str) -> None:
    english, chinese = both(name)
    for word, written, *more in terms():
        is_in_glossary = len(more) == 2
        if is_in_glossary and re.search(rf"\b{word}s?\b", english.prose, re.IGNORECASE):
            assert any(it in chinese.prose for it in written.split("、")), f"{name}: {word}"


@pytest.mark.parametrize("name", CATALOGUES)
def test_where_the_english_interface_has_a_term_the_chinese_one_has_it_too(name: str) -> None:
    with (PROJECT_DIR / name).open("rb") as file:
        texts = [text for text in read_po(file) if text.id]
    assert texts
    for text in texts:
        english, chinese = (NOT_WORDS.sub("", str(it)) for it in (text.id, text.string))
        for word, written, *more in terms():
            is_in_glossary = len(more) == 2
            if is_in_glossary and re.search(rf"\b{word}s?\b", english, re.IGNORECASE):
                assert any(it in chinese for it in written.split("、")), f"{word}: {english}"


@pytest.mark.parametrize("name", [*chinese_pages(), TERMS])
def test_chinese_is_set_as_chinese(name: str) -> None:
    lines = [re.sub(r"\]\([^)]+\)", "]", line) for line in Page.read(name).lines]
    for number, line in enumerate(lines):
        assert not re.search(rf"{CHINESE}[,;:!?()]|[,;!?(]{CHINESE}", line), f"full width: {line}"
        assert not re.search(rf"{CHINESE}[A-Za-z0-9`]|[A-Za-z0-9`]{CHINESE}", line), (
            f"space: {line}"
        )
        assert not re.search("[「」]", line), f"quotation marks: {line}"
        after = lines[number + 1] if number + 1 < len(lines) else ""
        starts = re.match(rf"\*{{0,2}}{CHINESE}", after)
        assert not (starts and line.strip()), f"a line break shows as a space: {line}"
