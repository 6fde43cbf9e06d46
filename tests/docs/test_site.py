"""The documentation as a website: it builds without a warning, and stands on its own."""

from __future__ import annotations

import html.parser
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import reference
from tests.conftest import PROJECT_DIR

MARKDOWN_OUTSIDE_OF_THE_SITE = [
    path
    for pattern in ("*.md", "barback/*.md", "benchmarks/*.md", "deploy/**/*.md", "examples/**/*.md")
    for path in sorted(PROJECT_DIR.glob(pattern))
]

PARTS_OF_HOW_TO = ("tutorial", "how-to", "explanation")


def configuration() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((PROJECT_DIR / "zensical.toml").read_text())["project"]
    return project


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The website, built in a folder of its own."""
    directory = tmp_path_factory.mktemp("site")
    shutil.copytree(PROJECT_DIR / "docs", directory / "docs")
    shutil.copy(PROJECT_DIR / "zensical.toml", directory)
    build = subprocess.run(
        [Path(sys.executable).parent / "zensical", "build", "--strict"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    # A link to a page or a heading that is not there is an error.
    assert build.returncode == 0, build.stdout + build.stderr
    return directory / str(configuration()["site_dir"])


class _Loads(html.parser.HTMLParser):
    """What a browser loads for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img", "source", "iframe"}:
            self.urls.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in {"canonical", "next", "prev"}:
            self.urls.append(given.get("href") or "")


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text())
        assert not [url for url in loads.urls if re.match(r"(https?:)?//", url)], page
        for url in loads.urls:
            path = url.split("?")[0].split("#")[0]
            if path and not path.startswith("data:") and page.name != "404.html":
                assert (page.parent / path).resolve().exists(), f"{page}: {url}"


@pytest.mark.slow
def test_a_page_is_marked_by_its_language_and_leads_to_the_other_one(site: Path) -> None:
    english = (site / "tutorial/retries/index.html").read_text()
    chinese = (site / "zh/tutorial/retries/index.html").read_text()
    assert '<html lang="en"' in english
    assert '<html lang="zh"' in chinese
    assert '<a href="../../zh/tutorial/retries/" hreflang="zh"' in english
    assert '<a href="../../../tutorial/retries/" hreflang="en"' in chinese


@pytest.mark.slow
def test_a_list_of_things_to_check_has_boxes(site: Path) -> None:
    for page in ("how-to/deploy", "zh/how-to/deploy"):
        html_of_page = (site / page / "index.html").read_text()
        assert 'type="checkbox" disabled' in html_of_page
        assert "[ ]" not in html_of_page


@pytest.mark.slow
def test_the_search_knows_every_page(site: Path) -> None:
    index = (site / "search.json").read_text()
    for part in ("tutorial/retries/", "reference/glossary/", "how-to/deploy/"):
        assert part in index


def test_every_page_is_in_the_navigation() -> None:
    def names(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        entries = entry.values() if isinstance(entry, dict) else entry
        return [name for each in entries for name in names(each)]

    docs = PROJECT_DIR / "docs"
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    in_english = {name for name in pages if not name.startswith("zh/")}
    assert in_english <= set(names(configuration()["nav"])) <= pages


@pytest.mark.parametrize(
    "page",
    [
        path
        for part in PARTS_OF_HOW_TO
        for path in sorted((PROJECT_DIR / "docs" / part).glob("*.md"))
    ],
    ids=lambda path: path.relative_to(PROJECT_DIR).as_posix(),
)
def test_a_page_says_what_you_will_have_and_what_comes_next(page: Path) -> None:
    text = page.read_text()
    assert re.match(r"# .+\n\n\*\*At the end\*\* ", text)
    assert re.search(r"\nNext: \[.+\]\(\S+\)\n\Z", text)


@pytest.mark.parametrize(
    "page", MARKDOWN_OUTSIDE_OF_THE_SITE, ids=lambda path: path.relative_to(PROJECT_DIR).as_posix()
)
def test_links_of_other_markdown_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for link in ("".join(it) for it in links):
        if not re.match(r"https?:|mailto:", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", reference.pages(), ids=lambda path: path.name)
def test_the_reference_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == reference.pages()[path], "it is stale: run `make reference`"


def test_every_actor_says_what_it_does() -> None:
    assert "|  |" not in reference.queues_page()


def test_the_readme_is_short() -> None:
    assert len((PROJECT_DIR / "README.md").read_text().splitlines()) <= 150


def test_the_readme_lists_every_folder_that_has_a_readme_of_its_own() -> None:
    readme = (PROJECT_DIR / "README.md").read_text()
    for folder in ("barback", "benchmarks", "deploy", "examples"):
        assert f"`{folder}/`" in readme
