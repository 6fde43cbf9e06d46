"""Every page, followed by a reader: files are written, commands typed, outputs compared."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from dramatiq.common import compute_backoff
from dramatiq.middleware.retries import DEFAULT_MAX_BACKOFF, DEFAULT_MIN_BACKOFF, Retries

from examples.cluster.servers import free_ports
from tests.conftest import PROJECT_DIR
from tests.docs.reader import PARSERS, Reader
from tests.support.pages import PAGES, count_blocks
from tests.support.programs import ask_git
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Whose code has tests of its own.
HAVE_TESTS_OF_THEIR_OWN = {
    "docs/reference/completion.md": "tests/bar/e2e/test_completion.py",
    "docs/control.md": "tests/barback/integration/test_control_docs.py",
}

LANGUAGES = {"sh", "text", "python", *PARSERS, "ini", "console", "bash", "zsh", "fish"}

#: Parts of a checkout that no page needs.
_LEFT_OUT = ("benchmarks/results/", "docs/screenshots/")


def _followed() -> list[object]:
    """The pages with something to run; those with commands are slow."""
    followed: list[object] = []
    for name in PAGES:
        languages = {it.language for it in read_blocks(PROJECT_DIR / name) if it.not_run is None}
        if name in HAVE_TESTS_OF_THEIR_OWN or not languages & {"sh", "python"}:
            continue
        marks = [pytest.mark.slow, pytest.mark.timeout(600)] if "sh" in languages else []
        followed.append(pytest.param(name, marks=marks))
    return followed


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The files of the project, without those that a reader of the tutorial has written there."""
    return set(ask_git(PROJECT_DIR, "ls-files", "-z").decode().split("\0"))


@pytest.fixture
def checkout(session_dir: Path, tmp_path: Path) -> Path:
    """A copy of the checkout in a folder of its own, with a path short enough for a socket."""
    known = ("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = ask_git(PROJECT_DIR, *known).decode()
    copy = session_dir / tmp_path.name[-8:] / "bar"
    for name in filter(None, listed.split("\0")):
        source = PROJECT_DIR / name
        if source.is_file() and not name.startswith(_LEFT_OUT):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)
    return copy


@pytest.fixture
def reader(checkout: Path, tmp_path: Path, redis_url: str) -> Iterator[Reader]:
    names = ["8000", "9191"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    reader = Reader(checkout, tmp_path / "output", server_url=redis_url, ports=ports)
    yield reader
    reader.close()
    if not (checkout / ".barback").exists():
        return
    subprocess.run(
        ["python", "-m", "barback", "down", "--yes"],
        cwd=checkout,
        env=reader.environment,
        check=False,
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", _followed())
def test_what_the_page_says_is_so(name: str, reader: Reader) -> None:
    reader.follow(PROJECT_DIR / name)


@pytest.mark.parametrize("name", PAGES)
def test_each_block_is_run_or_says_why_not(name: str) -> None:
    for block in read_blocks(PROJECT_DIR / name):
        where = f"{name}:{block.line_number}"
        assert block.language in LANGUAGES, f"{where}: what is {block.language!r}?"
        if block.not_run is None:
            assert block.language != "console", f"{where}: `console` is not run: mark it"
        else:
            assert len(block.not_run) > 5, f"{where}: the reason is missing"


@pytest.mark.parametrize("name", PAGES)
def test_data_can_be_read_and_excerpts_are_as_in_the_file(name: str, tracked: set[str]) -> None:
    for block in read_blocks(PROJECT_DIR / name):
        if block.title not in tracked:  # what a reader writes has several versions
            PARSERS.get(block.language, str)(block.text)
        else:
            file = (PROJECT_DIR / block.title).read_text()
            for part in re.split(r"^ *(?:\.\.\.|# …)\n", block.text, flags=re.MULTILINE):
                assert part.strip("\n") in file, f"{name}:{block.line_number} is not in the file"


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_of_the_page_exists(name: str) -> None:
    makefile = (PROJECT_DIR / "Makefile").read_text()
    text = (PROJECT_DIR / name).read_text()
    for target in set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE)):
        pattern = "worker-%" if target.startswith("worker-") else target
        assert re.search(rf"^{pattern}:", makefile, re.MULTILINE), f"{name}: make {target}"


def test_most_blocks_are_run() -> None:
    total, not_run = count_blocks()
    assert total > 100
    assert not_run < total / 4


@pytest.mark.parametrize(
    "name",
    [
        "docs/tutorial/retries.md",
        "docs/how-to/your-own-project.md",
        "docs/how-to/from-celery.md",
        "docs/how-to/from-rq.md",
    ],
)
def test_by_default_retries_go_on_for_as_long_as_the_page_says(name: str) -> None:
    rounds = 200
    total_ms = sum(
        compute_backoff(attempt, factor=DEFAULT_MIN_BACKOFF, max_backoff=DEFAULT_MAX_BACKOFF)[1]
        for attempt in range(Retries().max_retries)
        for _ in range(rounds)
    )
    assert round(total_ms / rounds / 1_000 / 3_600 / 24 / 7) == 5
    assert "about five weeks" in " ".join((PROJECT_DIR / name).read_text().split())


def test_the_drink_of_your_own_is_taken_off_where_it_was_put_on() -> None:
    # `make up` ends with an error while the Procfile has a worker of a queue without actors.
    page = " ".join((PROJECT_DIR / "docs/tutorial/worker-per-queue.md").read_text().split())
    assert "as a line of `Procfile`" in page
    assert "`git restore actors Procfile`" in page
