"""What `make` does, as the README tells. The pages are followed by tests/docs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter


def here(command: list[str]) -> list[str]:
    """With make, use the environment of the tests instead of making one."""
    return [*command, f"VENV={sys.prefix}"] if command[0] == "make" else command


@pytest.mark.slow
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
    assert "WorkerProcess(0)" in run.output
    assert "WorkerProcess(1)" not in run.output  # however many cores there are

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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "activate",
    [
        pytest.param(None, id="half made"),
        pytest.param("VIRTUAL_ENV=/moved/from/here/.venv", id="moved, or without its Python"),
        pytest.param("VIRTUAL_ENV=$PWD/.venv", id="half deleted"),
    ],
)
def test_make_makes_a_broken_environment_anew(
    activate: str | None, start: ProcessStarter, tmp_path: Path
) -> None:
    # Given an environment that cannot be used
    shutil.copy(Path(__file__).parents[3] / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    if activate:
        (python.parent / "activate").write_text(activate)

    # When the commands are listed, as a shell may do to complete one
    assert start.run(["make", "-C", str(tmp_path)]).exit_code == 0

    # Expect it to be left alone: another make may be making it
    assert python.parent.exists()

    # When it is wanted, and there is no Python to make another one with
    run = start.run(["make", "-C", str(tmp_path), "run", "PYTHON=no-such-python"])

    # Expect make to be about to make another one
    assert "Error: Python 3.11 or newer is needed" in run.stderr
    assert not python.parent.exists()


def test_make_says_in_one_line_that_an_environment_cannot_be_deleted(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a broken one, that root has made
    shutil.copy(Path(__file__).parents[3] / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    rm = tmp_path / ".venv/bin/rm"  # tests may run as root, whom nobody keeps from deleting
    rm.write_text("#!/bin/sh\nfor n in 1 2 3; do echo 'rm: Permission denied' >&2; done; exit 1\n")
    rm.chmod(0o755)

    run = start.run(["make", "-C", str(tmp_path), "run"])

    assert run.exit_code == 2
    assert "Delete it first: sudo rm -r .venv" in run.stderr
    assert "Permission denied" not in run.output


def test_make_keeps_an_environment_that_works(start: ProcessStarter, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[3] / "Makefile", tmp_path)
    venv.create(tmp_path / ".venv")

    assert start.run(["make", "-C", str(tmp_path), "help"]).exit_code == 0

    assert (tmp_path / ".venv/bin/activate").exists()


def test_make_says_what_to_do_about_an_environment_that_another_tool_made(
    start: ProcessStarter, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)  # as `uv venv` does

    run = start.run(["make", "run", f"VENV={environment}"])

    assert run.exit_code == 2
    assert f"delete it first: rm -r {environment}" in run.stderr


@pytest.mark.slow
def test_make_without_a_network_says_what_it_lacks(start: ProcessStarter, tmp_path: Path) -> None:
    run = start.run(
        ["make", "run", f"VENV={tmp_path / 'venv'}"],
        PIP_CONFIG_FILE=os.devnull,
        PIP_EXTRA_INDEX_URL="",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_NO_CACHE_DIR="1",
        PIP_FIND_LINKS="",
        PIP_RETRIES="0",
        PIP_USER="1",  # as Gitpod sets it, which no virtual environment can do
    )

    assert run.exit_code == 2
    assert "Error: packages are missing; pip says why above." in run.stderr
    assert "--user" not in run.stderr
