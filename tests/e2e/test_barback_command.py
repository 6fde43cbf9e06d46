"""``python -m barback``, as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.processes import ProcessStarter

BARBACK = ["python", "-m", "barback"]


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


def test_looking_does_not_start_a_server(start: ProcessStarter) -> None:
    run = start.run([*BARBACK, "status"], REDIS_URL="")

    assert run.exit_code == 3
    assert "python -m barback up" in run.stderr


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_server_of_one_s_own_is_not_started_or_stopped(
    command: str, start: ProcessStarter
) -> None:
    run = start.run([*BARBACK, command])

    assert run.exit_code == 2
    assert "a server of your own" in run.stderr


def test_a_wrong_url_is_a_clear_error(start: ProcessStarter) -> None:
    run = start.run([*BARBACK, "status"], REDIS_URL="http://:secret@localhost")

    assert run.exit_code == 2
    assert "it should look like redis://" in run.stderr
    assert "secret" not in run.stderr


def test_a_data_directory_that_cannot_be_used_is_a_clear_error(start: ProcessStarter) -> None:
    run = start.run([*BARBACK, "up"], REDIS_URL="", BARBACK_DATA_DIR="/proc/bar")

    assert run.exit_code == 3
    assert "Set BARBACK_DATA_DIR" in run.stderr
    assert "Traceback" not in run.stderr
