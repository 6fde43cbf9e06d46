"""The README's commands, run in their order as a reader would, with drinks that take no time."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter, TestProcess

#: Commands that are left out, and why.
NOT_RUN = {
    "make test": "it runs this very test",
    ". .venv/bin/activate": "the tests run in an environment already",
}

#: Commands of a terminal of their own, that run until they are stopped, and what they print once
#: they are up.
RUN_ON = {"dramatiq": "Worker process is ready for action."}

BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", (PROJECT_DIR / "README.md").read_text(), re.MULTILINE | re.DOTALL
)


def commands() -> Iterator[tuple[bool, list[str]]]:
    """Each command, and whether it is the first of its block."""
    for block in BLOCKS:
        for number, line in enumerate(block.splitlines()):
            if line not in NOT_RUN:
                yield number == 0, shlex.split(line)


@pytest.fixture
def embedded(start: ProcessStarter) -> Iterator[None]:
    """No REDIS_URL, and an end to the embedded server that the commands start."""
    yield
    start.run(["python", "-m", "barback", "down"], REDIS_URL="")


@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
@pytest.mark.timeout(300)
def test_the_commands_do_what_they_say(start: ProcessStarter) -> None:
    assert [command for _, command in commands()], "no commands found"
    workers: list[TestProcess] = []
    for is_first_of_block, command in commands():
        run_on = RUN_ON.get(command[0])
        if run_on and is_first_of_block:
            # The reader's terminals are free again.
            for worker in workers:
                worker.kill()
            workers = []
        if run_on:
            worker = start(command, REDIS_URL="")
            worker.wait_for_output(run_on)
            workers.append(worker)
        else:
            run = start.run(here(command), REDIS_URL="")
            assert run.exit_code == 0, (command, run.output)
    assert all(worker.exit_code is None for worker in workers)


def here(command: list[str]) -> list[str]:
    """With make, use the environment of the tests instead of making one."""
    return [*command, f"VENV={sys.prefix}"] if command[0] == "make" else command


def test_make_run_shows_a_beer_and_a_coffee_served_by_two_processes(
    start: ProcessStarter,
) -> None:
    run = start.run(here(["make", "run"]), REDIS_URL="")

    # Expect both to be served, by a process each
    assert run.exit_code == 0, run.output
    beer, coffee = (
        re.search(
            rf"^ worker-{drink} .*\[PID (\d+)\].* Served  {drink} for", run.output, re.MULTILINE
        )
        for drink in ("beer", "coffee")
    )
    assert beer
    assert coffee
    assert beer[1] != coffee[1]

    # And nothing to be left behind, in a few words after the result
    end = run.stdout.split("producer stopped (rc=0)")[1]
    assert "The embedded server stopped." in end
    assert len(end.splitlines()) <= 3


@pytest.mark.slow
def test_make_run_fails_if_the_broker_cannot_be_reached(
    start: ProcessStarter, free_port: int
) -> None:
    run = start.run(here(["make", "run"]), REDIS_URL=f"redis://127.0.0.1:{free_port}")

    assert run.exit_code != 0
    assert "cannot be reached" in run.output


def test_make_alone_lists_the_commands(start: ProcessStarter) -> None:
    run = start.run(["make"])

    assert run.exit_code == 0
    for target in ("run", "test", "up", "down", "lint", "ci"):
        assert re.search(rf"^make {target} +[A-Z]", run.stdout, re.MULTILINE)


def test_make_serves_a_queue_in_a_terminal_without_the_environment(start: ProcessStarter) -> None:
    worker = start(here(["make", "worker-coffee"]))
    worker.wait_for_output("Worker process is ready for action.")

    # When a coffee is ordered, and then Ctrl-C is pressed
    assert start.run(["python", "producer.py", "--coffees", "1"]).exit_code == 0
    worker.wait_for_output("Served  coffee")
    worker.send_signal_to_group(signal.SIGINT)

    # Expect the worker to leave
    worker.wait()


def test_make_says_which_python_it_needs(start: ProcessStarter) -> None:
    run = start.run(["make", "run", "VENV=.no-such-venv", "PYTHON=no-such-python"])

    assert run.exit_code == 2
    assert "Error: Python 3.11 or newer is needed" in run.stderr
