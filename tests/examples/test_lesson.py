"""``make lesson``, as docs/lesson.md tells it, with fewer and quicker drinks."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import psutil
import pytest
from click.testing import CliRunner

from examples.lesson import __main__ as lesson
from examples.lesson.drawing import draw
from lesson_rounds import A_QUEUE_EACH, DRINKS, ONE_QUEUE, Slip
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lesson_rounds import LessonQueue
    from tests.support.processes import ProcessStarter, TestProcess

#: What is in the place of what was measured, or depends on where it is drawn.
VARIES = re.compile(r"\d+\.\d s|(?<=Drawn: )\S+/")

BLOCKS = list(read_blocks(PROJECT_DIR / "docs/lesson.md"))
SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - ours


def figures_in(svg: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", " ".join(texts_of(svg)))


def bars_in(svg: str) -> int:
    """How many strokes the longest paths have: a bar of a colour is one each."""
    paths = [path.get("d", "") for path in ET.fromstring(svg).iter(f"{SVG}path")]  # noqa: S314
    return sum(count for count in (path.count("M ") for path in paths) if count > 1)


def slips(queues: Sequence[LessonQueue], started: float, each: int = 3) -> list[Slip]:
    return [
        Slip(queue.name, drink, number, started + number, started + number + 0.5, "worker")
        for queue in queues
        for drink in queue.drinks
        for number in range(each)
    ]


@pytest.mark.slow
def test_the_lesson_is_run_and_its_picture_tells_what_was_measured(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # When what the page's command does is done at a small size
    command = next(block for block in BLOCKS if block.language == "sh").text.strip()
    assert command == "make lesson"
    assert "\t@python -m examples.lesson $(ARGS)\n" in (PROJECT_DIR / "Makefile").read_text()
    small = ["--each", "6", "--scale", "0.1", "--into", str(tmp_path / "pictures")]
    run = start.run(["python", "-m", "examples.lesson", *small], REDIS_URL="")

    # Expect what the page shows, but for the figures
    assert run.exit_code == 0, run.output
    shown = next(block for block in BLOCKS if block.language == "text").text
    assert VARIES.sub("…", run.stdout) == VARIES.sub("…", shown)

    # and these in the pictures, with two bars for each order: one while it waits, one while it is
    # served
    said = re.findall(r"(\w+ waited \d+\.\d s) (on average, at most \d+\.\d s)", run.stdout)
    assert len(said) == 4
    for name in ("light", "dark"):
        svg = (tmp_path / f"pictures/lesson-{name}.svg").read_text()
        assert {text for pair in said for text in pair} <= set(texts_of(svg))
        assert bars_in(svg) == 2 * 2 * 12
        chinese = (tmp_path / f"pictures/lesson-{name}-zh.svg").read_text()
        assert figures_in(chinese) == figures_in(svg)


def test_the_same_slips_are_drawn_the_same_in_two_themes_and_each_language() -> None:
    bars = [
        ("One queue for all", ONE_QUEUE, slips(ONE_QUEUE, 4.0)),
        ("A queue each", A_QUEUE_EACH, slips(A_QUEUE_EACH, 1.0)),
    ]
    seconds = {"beer": 0.75, "coffee": 0.05}

    drawn = draw(bars, seconds=seconds)

    assert drawn == draw(bars, seconds=seconds)
    expected = {
        "": {"One queue for all", "Coffees waited 5.0 s", "on average, at most 6.0 s"},
        "-zh": {"共用一个队列", "咖啡平均等待 5.0 秒", "最长 6.0 秒"},
    }
    assert len(drawn) == 4
    for name in ("light", "dark"):
        for suffix, words in expected.items():
            svg = drawn[f"lesson-{name}{suffix}.svg"]
            assert words <= set(texts_of(svg))
            assert bars_in(svg) == 2 * 2 * len(DRINKS) * 3

    # and nothing in a Chinese one to be left in English
    chinese = texts_of(drawn["lesson-light-zh.svg"])
    assert [text for text in chinese if re.search("[A-Za-z]", text)] == []


@pytest.mark.slow
def test_whoever_stops_it_finds_nothing_left_behind(start: ProcessStarter) -> None:
    # Given a lesson with its server and its workers
    run = start(["python", "-m", "examples.lesson", "--scale", "1"], REDIS_URL="")
    run.wait_for_output("One queue for all")
    eventually(lambda: len(descendants(run)) >= 6, timeout_seconds=30)
    started = descendants(run)

    # When it is stopped
    assert run.stop() == 128 + signal.SIGTERM

    # Expect its workers to be stopped, too, and nothing to be drawn
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []
    assert "Drawn" not in run.output


def descendants(run: TestProcess) -> list[psutil.Process]:
    return psutil.Process(run.pid).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        (["--each", "0"], 2, "--each"),
        (["--scale", "none"], 2, "--scale"),
        (["--into", "/proc/pictures"], 2, "--into"),  # before a minute has gone by
    ],
)
def test_wrong_options_are_refused(
    options: list[str], exit_code: int, said: str, start: ProcessStarter
) -> None:
    run = start.run([sys.executable, "-m", "examples.lesson", *options])
    assert run.exit_code == exit_code
    assert said in run.stderr
    assert "Traceback" not in run.output


def test_a_picture_for_which_there_is_no_room_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that is full, and what a lesson has measured
    (tmp_path / "lesson-light.svg").symlink_to("/dev/full")
    measured = [(title, ONE_QUEUE, slips(ONE_QUEUE, 0.0)) for title in ("one", "other")]
    monkeypatch.setattr(lesson, "_run", lambda *_: measured)

    run = CliRunner().invoke(lesson.main, ["--into", str(tmp_path)])

    assert run.exit_code == 1
    assert re.fullmatch(r"Error: .+lesson-light.svg cannot be written: No space .+\.\n", run.output)


def test_the_workers_of_the_page_are_those_of_the_lesson() -> None:
    commands = BLOCKS[-1].lines
    assert commands == [
        f"dramatiq actors -Q {queue.name} --processes 1 --threads {queue.threads}"
        for queue in ONE_QUEUE + A_QUEUE_EACH
    ]
