"""``python -m barback status`` of a fleet that is not well."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import dramatiq
import pytest
from click.testing import CliRunner

from barback.cli import main

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


def status(redis_url: str) -> str:
    result = CliRunner().invoke(main, ["--redis-url", redis_url, "status"], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    return result.output


def introduce(broker: RedisBroker, worker_id: str, host: str, *, silent_seconds: float) -> None:
    """Store the record of a worker."""
    last_heartbeat_ms = (time.time() - silent_seconds) * 1000
    broker.store.register(["beer"])
    broker.client.zadd(broker.store.keys("beer").heartbeats, {worker_id: last_heartbeat_ms})
    info = json.dumps({"host": host, "pid": 7, "threads": 8})
    broker.client.hset(broker.store.fleet_keys.workers, worker_id, info)


def test_a_worker_that_is_silent_for_long_is_marked_in_words(
    redis_url: str, broker: RedisBroker
) -> None:
    introduce(broker, "one", "bar-1", silent_seconds=2)
    introduce(broker, "two", "bar-2", silent_seconds=240)

    lines = {line.split()[0]: line for line in status(redis_url).splitlines() if "bar-" in line}

    assert lines["bar-1:7"].rstrip().endswith(" ago")
    assert "silent for 4 min" in lines["bar-2:7"]


def test_names_from_outside_are_shown_as_text(redis_url: str, broker: RedisBroker) -> None:
    # Given a queue and a worker with names that would steer a terminal
    evil = "[/b]\x1b[2J"
    message: dramatiq.Message[None] = dramatiq.Message(evil, "pour", (), {}, {})
    broker.enqueue(message)
    introduce(broker, "one", evil, silent_seconds=1)

    output = status(redis_url)

    assert "\x1b" not in output
    assert output.count(r"[/b]\x1b[2J") == 2


def test_a_key_of_another_program_is_named(redis_url: str, broker: RedisBroker) -> None:
    broker.store.register(["beer", "coffee"])
    key = broker.store.keys("coffee").queue
    broker.client.set(key, "somebody else's")

    result = CliRunner().invoke(main, ["--redis-url", redis_url, "status"])

    assert result.exit_code == 3
    assert f"Expected the key {key} to be a list, got a string" in result.stderr


def test_delayed_messages_and_those_of_dead_workers_want_a_worker_as_well(
    redis_url: str, broker: RedisBroker
) -> None:
    broker.store.register(["idle", "later", "lost"])
    broker.client.hset(broker.store.keys("later").delayed_messages, "id", "-")
    broker.client.hset(broker.store.keys("lost").messages, "id", "-")

    rows = [line.split() for line in status(redis_url).splitlines()]

    workers = {row[0]: row[-1] for row in rows if row and row[0] in {"idle", "later", "lost"}}
    assert workers == {"idle": "0", "later": "none", "lost": "none"}


def test_no_number_is_cut_on_a_narrow_terminal(redis_url: str, broker: RedisBroker) -> None:
    # Given numbers for which 40 columns are too few
    broker.store.register(["notifications"])
    keys = broker.store.keys("notifications")
    broker.client.rpush(keys.queue, *range(12_345))
    broker.client.hset(keys.delayed_messages, mapping=dict.fromkeys(map(str, range(10_987)), "-"))

    command = ["--redis-url", redis_url, "status"]
    output = CliRunner().invoke(main, command, env={"COLUMNS": "40"}).output

    assert "12,345" in output
    assert "10,987" in output


def test_data_of_another_version_is_left_alone(redis_url: str, broker: RedisBroker) -> None:
    broker.client.set(broker.store.fleet_keys.format, "2")

    result = CliRunner().invoke(main, ["--redis-url", redis_url, "purge", "beer", "--yes"])

    assert result.exit_code == 3
    assert "Expected data in format 1, got 2" in result.output
