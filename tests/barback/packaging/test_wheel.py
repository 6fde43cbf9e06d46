"""barback as others get it: its wheel alone, in an environment with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ACTORS = """\
import os
import pathlib

import dramatiq

from barback import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def write(path, text):
    pathlib.Path(path).write_text(text)
"""


@pytest.fixture(scope="module", params=["", "[cli,embedded,outbox]"], ids=["alone", "all extras"])
def extras(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def programs(install: Callable[[str], Path], extras: str) -> Path:
    """The programs of an environment that the wheel is installed in."""
    return install(extras)


@pytest.fixture(autouse=True)
def _jobs(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(ACTORS)


def test_a_worker_does_what_is_sent(
    programs: Path, start_away: ProcessStarter, tmp_path: Path
) -> None:
    # Given a worker that has nothing but the wheel
    start_away([str(programs / "dramatiq"), "jobs", "--processes", "1", "--threads", "1"])

    # When a program sends it a message, and one with a delay
    written = [tmp_path / "at-once", tmp_path / "later"]
    send = (
        "from jobs import write; import sys;"
        "write.send(sys.argv[1], 'x');"
        "write.send_with_options(args=(sys.argv[2], 'x'), delay=100)"
    )
    run = start_away.run([str(programs / "python"), "-c", send, *map(str, written)])
    assert run.exit_code == 0, run.output

    # Expect both to be done
    eventually(lambda: all(path.exists() for path in written))


def test_the_command_line_works_or_says_what_it_needs(
    programs: Path, extras: str, start_away: ProcessStarter
) -> None:
    run = start_away.run([str(programs / "python"), "-m", "barback", "status"])
    by_its_name = start_away.run([str(programs / "barback"), "status"])

    assert (by_its_name.exit_code, by_its_name.output) == (run.exit_code, run.output)
    if extras:
        assert run.exit_code == 0, run.output
    else:
        assert run.exit_code != 0
        [line] = run.output.splitlines()
        assert "pip install" in line


def test_types_come_along(programs: Path, start_away: ProcessStarter) -> None:
    find = "import importlib.resources as r; assert (r.files('barback') / 'py.typed').is_file()"
    assert start_away.run([str(programs / "python"), "-c", find]).exit_code == 0
