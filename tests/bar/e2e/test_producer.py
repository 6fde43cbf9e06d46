"""The producer as a person uses it."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from tests.support.processes import ProcessStarter, TestProcess

PRODUCER = ["python", "producer.py"]


def test_without_options_it_orders_a_beer_and_a_coffee(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    run = start.run(PRODUCER)

    assert run.exit_code == 0
    assert run.stdout.startswith("beer    → queue beer")
    assert "coffee  → queue coffee" in run.stdout
    assert redis_client.llen("dramatiq:beer") == redis_client.llen("dramatiq:coffee") == 1
    # and to say how to start the workers that are missing
    assert run.stdout.endswith(
        "No worker is serving beer or coffee yet. In another terminal:\n"
        "    make worker-beer      or: dramatiq actors -Q beer\n"
        "    make worker-coffee    or: dramatiq actors -Q coffee\n"
    )


def test_the_id_that_it_prints_leads_to_the_order(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    barback = ["python", "-m", "barback"]
    printed = start.run([*PRODUCER, "--beers", "2"]).stdout
    ids = re.findall(r"^beer .* message (\w+)$", printed, re.MULTILINE)

    shown = start.run([*barback, "show", ids[1]])
    cancelled = start.run([*barback, "cancel", ids[1]])

    assert shown.exit_code == cancelled.exit_code == 0
    assert "waiting, 1 before it" in shown.stdout
    assert "cancelled" in start.run([*barback, "show", ids[1]]).stdout
    # Naming one drink orders that one alone.
    assert redis_client.llen("dramatiq:coffee") == 0


def test_it_says_that_a_queue_is_held_back(start: ProcessStarter) -> None:
    barback = ["python", "-m", "barback"]
    assert start.run([*barback, "pause", "beer", "--reason", "the tap [leaks]"]).exit_code == 0

    run = start.run([*PRODUCER, "--beers", "1", "--wait", "--timeout", "1"])

    told = "beer is paused: the tap [leaks]. To have it served: python -m barback resume beer\n"
    assert run.exit_code == 1
    assert told in run.stdout
    assert start.run([*barback, "resume", "beer"]).exit_code == 0
    assert "is paused" not in start.run([*PRODUCER, "--beers", "1"]).stdout


@pytest.mark.slow
def test_it_names_only_the_queues_that_nobody_serves(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a worker of one queue that has sent a heartbeat
    start_worker("beer")
    eventually(lambda: "No worker" not in start.run([*PRODUCER, "--beers", "1"]).stdout)

    run = start.run(PRODUCER)

    assert "No worker is serving coffee yet." in run.stdout
    assert "dramatiq actors -Q beer" not in run.stdout


@pytest.mark.slow
def test_waiting_ends_with_a_table(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a worker per queue
    beer_worker, coffee_worker = start_worker("beer"), start_worker("coffee")

    # When a few drinks are ordered and waited for
    run = start.run([*PRODUCER, "--beers", "20", "--coffees", "30", "--wait"])

    # Expect each queue to be served by its own worker
    assert run.exit_code == 0, run.output
    assert re.search(r"beer +20 +0 .* \(20\)", run.stdout)
    assert re.search(r"coffee +30 +0 .* \(30\)", run.stdout)
    eventually(lambda: beer_worker.output.count("Served  beer") == 20)
    eventually(lambda: coffee_worker.output.count("Served  coffee") == 30)
    assert "20/20 done" in run.stdout


def test_json_tells_a_program_what_was_served(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    start_worker()

    run = start.run([*PRODUCER, "--beers", "2", "--wait", "--json"])

    report = json.loads(run.stdout)
    assert [order["queue"] for order in report["orders"]] == ["beer", "beer"]
    (summary,) = report["summary"]
    assert (summary["ordered"], summary["served"], summary["failed"]) == (2, 2, 0)
    assert sum(summary["served_by"].values()) == 2
    assert 0 <= summary["wait_p50_ms"] <= summary["wait_p99_ms"]
    assert run.stderr == ""


@pytest.mark.slow
def test_a_delayed_order_is_not_served_early_and_its_delay_is_no_waiting(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    start_worker("coffee")

    run = start.run([*PRODUCER, "--coffees", "1", "--delay", "3", "--wait", "--json"])

    (summary,) = json.loads(run.stdout)["summary"]
    assert summary["served"] == 1
    assert summary["wait_p50_ms"] < 3000


@pytest.mark.slow
def test_orders_that_are_not_served_in_time_fail_the_wait_and_stay(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    run = start.run([*PRODUCER, "--beers", "2", "--wait", "--timeout", "0.2"])

    assert run.exit_code == 1
    assert "beer: 2 not served in time" in run.stderr
    assert redis_client.llen("dramatiq:beer") == 2


@pytest.mark.slow
def test_nobody_waits_for_orders_that_are_gone(start: ProcessStarter) -> None:
    # Given a producer that waits as long as it takes
    run = start([*PRODUCER, "--beers", "2", "--wait"])
    run.wait_for_output("No worker is serving beer")

    # When its orders are deleted
    assert "2 deleted" in start.run(["python", "-m", "barback", "purge", "beer", "--yes"]).stdout

    # Expect it to end, and to say why
    assert run.wait() == 1
    assert "beer: 2 gone from the queue" in run.stderr


@pytest.mark.slow
def test_ctrl_c_while_waiting_leaves_the_orders_in_the_queue(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    # Given a producer that waits
    run = start([*PRODUCER, "--beers", "2", "--wait"])
    run.wait_for_output("No worker is serving beer")

    # When Ctrl-C is pressed
    run.send_signal(signal.SIGINT)

    # Expect it to say what becomes of the orders
    assert run.wait() == 130
    assert "stays in the queue" in run.stderr
    assert "Traceback" not in run.stderr
    assert redis_client.llen("dramatiq:beer") == 2


@pytest.mark.slow
def test_several_producers_can_order_at_once(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    producers = [start([*PRODUCER, "--beers", "50", "--coffees", "50"]) for _ in range(4)]

    assert [producer.wait() for producer in producers] == [0, 0, 0, 0]
    assert redis_client.llen("dramatiq:beer") == redis_client.llen("dramatiq:coffee") == 200


def test_an_unreachable_broker_is_one_clear_error(start: ProcessStarter, free_port: int) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port}"

    run = start.run([*PRODUCER, "--wait"], REDIS_URL=url)

    assert run.exit_code == 3
    assert str(free_port) in run.stderr
    assert "REDIS_URL" in run.stderr
    assert "secret" not in run.stderr
    assert len(run.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("make", "undo", "reason"),
    [
        (("config", "set", "maxmemory", "1"), ("config", "set", "maxmemory", "0"), "maxmemory"),
        (("replicaof", "127.0.0.1", "1"), ("replicaof", "no", "one"), "read only replica"),
    ],
    ids=["full", "read-only"],
)
def test_a_broker_that_takes_nothing_is_one_clear_error(
    make: tuple[str, ...],
    undo: tuple[str, ...],
    reason: str,
    start: ProcessStarter,
    redis_client: redis.Redis,
) -> None:
    redis_client.execute_command(*make)
    try:
        run = start.run(PRODUCER)
    finally:
        redis_client.execute_command(*undo)

    assert run.exit_code == 3
    [line] = run.stderr.splitlines()
    assert line.startswith("Error: The broker refuses it: ")
    assert reason in line


@pytest.mark.slow
def test_without_redis_the_first_process_starts_the_embedded_server(
    start: ProcessStarter,
) -> None:
    # Given no REDIS_URL
    run = start.run(PRODUCER, REDIS_URL="")
    assert run.exit_code == 0, run.output

    # Expect a server that outlives the producer, holds its orders, and can be stopped
    try:
        status = start.run(["python", "-m", "barback", "status"], REDIS_URL="")
        assert "Valkey" in status.stdout
        run = start.run(["python", "-m", "barback", "status", "--json"], REDIS_URL="")
        ready = {queue["name"]: queue["ready"] for queue in json.loads(run.stdout)["queues"]}
        assert ready == {"beer": 1, "coffee": 1}
    finally:
        down = start.run(["python", "-m", "barback", "down"], REDIS_URL="")
    assert down.stdout == "The embedded server stopped.\n"
    assert start.run(["python", "-m", "barback", "status"], REDIS_URL="").exit_code == 3


def test_an_embedded_server_that_does_not_start_is_told_with_the_end_of_its_log(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given data that no Valkey can read
    kept = tmp_path / "valkey" / "appendonlydir"
    kept.mkdir(parents=True)
    (kept / "appendonly.aof.manifest").write_text("nonsense\n")

    run = start.run(PRODUCER, REDIS_URL="", BARBACK_DATA_DIR=str(tmp_path))

    assert run.exit_code == 3
    assert "Invalid AOF manifest file format" in run.stderr
    assert "Traceback" not in run.stderr
