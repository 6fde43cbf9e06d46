"""``python -m barback``, as a person uses it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import redis
from click.testing import CliRunner

from barback.cli import main
from barback.embedded import EmbeddedServer
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.support.processes import ProcessStarter, TestProcess

BARBACK = ["python", "-m", "barback"]


def barback(*arguments: str, **variables: str) -> Result:
    """The command within this process, where no other one would tell more."""
    return CliRunner(env=variables).invoke(main, arguments)


def test_up_and_down_say_what_they_did(start: ProcessStarter) -> None:
    outputs = [
        start.run([*BARBACK, command], REDIS_URL="").stdout
        for command in ("up", "up", "down", "down")
    ]

    assert [output.split(":")[0].split("(")[0].strip(". \n") for output in outputs] == [
        "The embedded server started",
        "The embedded server runs already",
        "The embedded server stopped",
        "No embedded server was running",
    ]


def test_looking_does_not_start_a_server(tmp_path: Path) -> None:
    run = barback("status", BARBACK_DATA_DIR=str(tmp_path))

    assert run.exit_code == 3
    assert "python -m barback up" in run.stderr


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_server_of_one_s_own_is_not_started_or_stopped(command: str, redis_url: str) -> None:
    run = barback(command, REDIS_URL=redis_url)

    assert run.exit_code == 2
    assert "a server of your own" in run.stderr


def test_a_wrong_url_is_a_clear_error() -> None:
    run = barback("status", REDIS_URL="http://:secret@localhost")

    assert run.exit_code == 2
    assert "it should look like redis://" in run.stderr
    assert "secret" not in run.stderr


def test_a_data_directory_that_cannot_be_used_is_a_clear_error() -> None:
    run = barback("up", BARBACK_DATA_DIR="/proc/bar")

    assert run.exit_code == 3
    assert "Set BARBACK_DATA_DIR" in run.stderr


def test_it_says_its_version(start: ProcessStarter) -> None:
    assert re.match(r"barback, version \d+\.\d+", start.run([*BARBACK, "--version"]).stdout)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    package: str, start: ProcessStarter
) -> None:
    # Given an environment without the package
    program = (
        f"import runpy, sys; sys.modules[{package!r}] = None; "
        "runpy.run_module('barback', run_name='__main__')"
    )

    run = start.run(["python", "-c", program])

    assert run.exit_code == 1
    assert f"needs the package {package}, which barback's extra `cli` brings" in run.stderr
    assert "pip install" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_down_warns_of_workers_that_are_connected(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a worker on the embedded server
    start_worker("beer", REDIS_URL="")

    def workers() -> list[object]:
        shown = start.run([*BARBACK, "status", "--json"], REDIS_URL="").stdout
        return list(json.loads(shown)["workers"])

    eventually(workers)

    # Expect `down` to say so, and to do as it is told
    down = start.run([*BARBACK, "down"], REDIS_URL="")
    assert "Warning: 1 worker is still connected (" in down.stderr
    assert down.stdout == "The embedded server stopped.\n"


def test_a_server_with_data_of_another_version_can_be_stopped(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with redis.Redis.from_url(server.ensure()) as client:
        client.set("dramatiq:__barback__:format", "2")

    run = barback("down", BARBACK_DATA_DIR=str(tmp_path))
    server.stop()

    assert "another version of barback" in run.stderr
    assert (run.exit_code, run.stdout) == (0, "The embedded server stopped.\n")


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_data_directory_that_is_a_file_is_a_clear_error(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    run = barback(command, BARBACK_DATA_DIR=str(tmp_path / "file" / "data"))

    assert run.exit_code == (0 if command == "down" else 3)
    assert run.exception is None or isinstance(run.exception, SystemExit)


@pytest.mark.slow
def test_a_data_directory_with_characters_that_mean_something_in_a_url_works(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given such a directory
    settings = {"REDIS_URL": "", "BARBACK_DATA_DIR": str(tmp_path / "50%25 off?db=1#top")}

    # Expect an order to be placed there, and found
    assert start.run(["python", "producer.py", "--beers", "1"], **settings).exit_code == 0
    status = json.loads(start.run([*BARBACK, "status", "--json"], **settings).stdout)
    start.run([*BARBACK, "down"], **settings)
    assert [(queue["name"], queue["ready"]) for queue in status["queues"]] == [("beer", 1)]


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_current_directory_that_is_gone_is_a_clear_error(
    command: str, start: ProcessStarter, project_dir: Path, tmp_path: Path
) -> None:
    # Given a terminal in a checkout that was deleted
    (tmp_path / "gone").mkdir()
    script = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && exec python -m barback {command}"

    run = start.run(
        ["sh", "-c", script], REDIS_URL="", BARBACK_DATA_DIR="", PYTHONPATH=str(project_dir)
    )

    assert run.exit_code == 3
    assert "the current directory is gone" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_data_directory_that_leads_to_itself_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    run = barback("up", BARBACK_DATA_DIR=str(tmp_path / "loop"))

    assert run.exit_code == 3
    assert "Set BARBACK_DATA_DIR" in run.stderr
