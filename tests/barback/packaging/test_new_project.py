"""``barback new``, and then what the new project's README says, in its order."""

from __future__ import annotations

import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import ProcessStarter
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.readme import Block

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: What pip may take to install the project's requirements, in seconds.
INSTALL_TIMEOUT_SECONDS = 300


@pytest.fixture
def project(
    install: Callable[[str], Path], start_away: ProcessStarter, session_dir: Path
) -> Iterator[Path]:
    """A new project, whose embedded server ends with the test."""
    path = session_dir / "shop"
    made = start_away.run([str(install("[cli,embedded]") / "barback"), "new", str(path)])
    assert made.exit_code == 0, made.output
    yield path
    start_away.run(["python", "-m", "barback", "down"], BARBACK_DATA_DIR=f"{path}/.barback")


@pytest.fixture
def start_there(
    project: Path, environment: Mapping[str, str], tmp_path: Path
) -> Iterator[ProcessStarter]:
    variables = {**environment, "REDIS_URL": "", "BARBACK_DATA_DIR": ".barback"}
    output_dir = tmp_path / "output"
    output_dir.mkdir()
    with ProcessStarter(cwd=project, env=variables, output_dir=output_dir) as starter:
        yield starter


def commands(blocks: list[Block], heading: str) -> list[list[str]]:
    return [
        shlex.split(line)
        for block in blocks
        if block.heading == heading and block.language == "sh"
        for line in block.lines
    ]


def test_a_new_project_works_and_takes_an_actor_as_its_readme_says(
    project: Path, start_there: ProcessStarter
) -> None:
    blocks = list(read_blocks(project / "README.md"))
    [make_test, make_run, send_another] = commands(blocks, "shop")
    assert [*make_test, *make_run] == ["make", "test", "make", "run"]

    # The first command runs the tests
    tests = start_there(make_test)
    assert tests.wait(INSTALL_TIMEOUT_SECONDS) == 0, tests.output
    assert "1 passed" in tests.stdout

    # The second serves what it sends, and what a second terminal sends
    running = start_there(make_run)
    running.wait_for_output("Hello, Ada!")
    assert start_there.run(send_another).exit_code == 0
    running.wait_for_output("Hello, Grace!")
    running.send_signal_to_group(signal.SIGINT)
    running.wait()
    assert "***" not in running.output  # as make prints when a command failed

    # An actor is added
    for block in blocks:
        if block.heading == "Add an actor" and block.language == "python":
            assert block.file_name
            with (project / block.file_name).open("a") as file:
                file.write(block.text)
    more_tests = start_there.run(make_test)
    assert "2 passed" in more_tests.stdout, more_tests.output
    [send_invoice] = commands(blocks, "Add an actor")
    assert start_there.run(send_invoice).exit_code == 0
    worker = start_there(["make", "worker"])
    worker.wait_for_output("Invoice 7 is on its way.")

    # It is looked after
    for command in commands(blocks, "Look after it"):
        if "down" in command:
            worker.send_signal_to_group(signal.SIGINT)
            worker.wait()
            assert "***" not in worker.output
        assert start_there.run(command).exit_code == 0, command
