"""``python -m barback`` where its input is closed, or its output is an odd terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import dramatiq
import pytest

if TYPE_CHECKING:
    from barback import RedisBroker
    from tests.support.processes import ProcessStarter

BARBACK = [sys.executable, "-m", "barback"]


def send(broker: RedisBroker, queue: str) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(queue, "pour", (), {}, {})
    broker.enqueue(message)


@pytest.mark.parametrize("command", [["purge", "beer"], ["cancel", "--queue", "beer"]])
def test_a_closed_input_is_nobody_who_says_yes(
    start: ProcessStarter, broker: RedisBroker, command: list[str]
) -> None:
    send(broker, "beer")

    run = start.run(["sh", "-c", 'exec "$@" <&-', "sh", *BARBACK, *command])

    assert run.exit_code == 2, run.output
    assert "If it is meant, say --yes." in run.stderr
    assert "Traceback" not in run.stderr
    assert broker.queue_length("beer") == 1


def test_closed_outputs_keep_no_command_from_its_work(
    start: ProcessStarter, broker: RedisBroker
) -> None:
    send(broker, "beer")

    for command in (["metrics"], ["status"], ["purge", "beer", "--yes"]):
        run = start.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *BARBACK, *command])
        assert run.exit_code == 0

    assert broker.queue_length("beer") == 0


@pytest.mark.parametrize("command", [["status"], ["pause", "啤酒"]])
def test_an_encoding_without_the_characters_of_a_name_shows_their_codes(
    start: ProcessStarter, broker: RedisBroker, command: list[str]
) -> None:
    send(broker, "啤酒")

    run = start.run([*BARBACK, *command], PYTHONIOENCODING="latin-1")

    assert run.exit_code == 0, run.output
    assert r"\u5564\u9152" in run.stdout


def test_metrics_do_not_steer_a_terminal(broker: RedisBroker, redis_url: str) -> None:
    send(broker, "\x1b]0;owned\x07")
    terminal, output = pty.openpty()

    with subprocess.Popen([*BARBACK, "--redis-url", redis_url, "metrics"], stdout=output) as run:
        os.close(output)
        shown = b""
        try:
            while part := os.read(terminal, 65_536):
                shown += part
        except OSError:  # so Linux says that the other end is closed
            pass
    os.close(terminal)

    assert run.returncode == 0
    assert rb'barback_queue_waiting{queue="\x1b]0;owned\x07"} 1.0' in shown
    assert not {0x1B, 0x07} & set(shown)
