"""``python -m barback ticks``."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from barback.cli import main
from barback.connection.url import client_for
from barback.periodic.liveness import Heartbeat
from barback.periodic.record import TickRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

pytestmark = pytest.mark.everywhere


def ago(**age: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(**age)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(client_for(redis_url, {})) as client:
        yield client


def ticks(redis_url: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["--redis-url", redis_url, "ticks", *arguments])
    return result.exit_code, result.output


def test_without_a_scheduler_there_are_none(redis_url: str) -> None:
    assert ticks(redis_url) == (0, "No tick was sent yet. Is `periodiq` running?\n")


def test_the_last_tick_of_each_actor_is_shown(redis_url: str, client: redis.Redis) -> None:
    record = TickRecord(client, "dramatiq")
    swept_at = ago(minutes=1)
    record.sent("close_the_till", ago(hours=3, minutes=5))
    record.sent("sweep_the_outbox", swept_at)
    code, output = ticks(redis_url)
    assert code == 0
    assert f"{swept_at:%Y-%m-%d %H:%M} UTC" in output
    assert "3 h" in output
    code, output = ticks(redis_url, "--json")
    assert json.loads(output)["sweep_the_outbox"] == swept_at.isoformat()


def test_the_check_tells_a_program_that_looks_from_one_that_does_not(
    redis_url: str, client: redis.Redis
) -> None:
    # Given a program that never ran here, one that is at work, and one that is stuck
    Heartbeat(client, "dramatiq", "periodiq").beat(ago(seconds=1))
    Heartbeat(client, "dramatiq", "scheduler").beat(ago(seconds=90))
    # Expect the exit codes that a health check wants
    code, output = ticks(redis_url, "--check", "other")
    assert (code, output) == (1, "Error: other has not looked for ticks on this host.\n")
    assert ticks(redis_url, "--check", "periodiq")[0] == 0
    assert ticks(redis_url, "--check", "scheduler", "--max-age", "120")[0] == 0
    code, output = ticks(redis_url, "--check", "scheduler", "--max-age", "60")
    assert code == 1
    assert "more than 1 min" in output
    # … and JSON for programs
    for program, is_healthy in (("periodiq", True), ("scheduler", False), ("other", False)):
        code, output = ticks(redis_url, "--check", program, "--json")
        assert (code, json.loads(output)[program]["healthy"]) == (not is_healthy, is_healthy)


def test_a_server_that_is_away_is_exit_code_3(tmp_path: object) -> None:
    assert ticks(f"unix://{tmp_path}/none.sock", "--check", "periodiq")[0] == 3


def test_a_bad_entry_hides_no_other(redis_url: str, client: redis.Redis) -> None:
    # Given entries that no scheduler has written
    TickRecord(client, "dramatiq").sent("close_the_till", ago(minutes=1))
    key = "dramatiq:__ticks__:sent"
    client.hset(key, mapping={b"\xff\x1b[2J": 1_000, "no_time": "soon", "far": "9" * 30})

    code, output = ticks(redis_url)

    assert code == 0
    assert "close_the_till" in output
    assert "\x1b" not in output
