"""The house's schedules, run against a real database and a real Valkey."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.processes import ProcessStarter

pytestmark = pytest.mark.slow

TICK = "2026-03-01T04:00:00+00:00"

_SEND = """
import sys
import actors
from actors.housekeeping import *
for name in sys.argv[2:]:
    getattr(actors, name).send_with_options(scheduled_at=sys.argv[1], retries=1)
"""


@pytest.fixture
def database(start: ProcessStarter, environment: dict[str, str]) -> str:
    """The path of the bar's database, with what was sold around the end of February."""
    start.run(["python", "scheduler.py", "list"])  # makes the tables
    path = f"{environment['BARBACK_DATA_DIR']}/bar.db"
    sold_at = [
        "2026-02-27 23:59:59",
        "2026-02-28 00:00:00",
        "2026-02-28 23:59:59",
        "2026-03-01 00:00:00",
    ]
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO sales VALUES (?, 'beer', 450, 'EUR', ?, 'host:1')",
            [(f"order-{n}", f"{moment}.000000") for n, moment in enumerate(sold_at)],
        )
    connection.close()
    return path


def read(database: str, query: str) -> Sequence[tuple[object, ...]]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def test_the_till_and_last_months_report_are_of_the_tick_and_safe_twice(
    start: ProcessStarter, database: str
) -> None:
    # Given the tick of 1 March, sent twice to each, as can happen to any message
    for _ in range(2):
        start.run(["python", "-c", _SEND, TICK, "close_the_till", "report_last_month"])
    # When a worker has done them all
    worker = start(
        [
            "dramatiq",
            "actors",
            "-Q",
            "housekeeping",
            "reports",
            "--processes",
            "1",
            "--threads",
            "1",
        ]
    )
    worker.wait_for_output("There is a report of February 2026 already")
    eventually(lambda: worker.output.count("Closed the till of 2026-02-28") == 2)
    assert worker.stop() == 0
    # Expect the takings of the day before, and one report of the month before
    assert read(database, "SELECT day, drink, sold, revenue_minor FROM takings") == [
        ("2026-02-28", "beer", 2, 900)
    ]
    assert read(database, "SELECT month FROM reports") == [("2026-02-01",)]
    assert read(database, "SELECT count(*) FROM outbox") == [(0,)]
    assert "Traceback" not in worker.output


def test_periodiq_runs_the_houses_schedules(start: ProcessStarter, database: str) -> None:
    # Given a message that a website which died left in the outbox
    message = {
        "queue_name": "coffee",
        "actor_name": "serve_a_coffee",
        "args": ["order-9"],
        "kwargs": {},
        "options": {},
        "message_id": "from-the-outbox",
        "message_timestamp": int(dt.datetime.now(dt.UTC).timestamp() * 1000),
    }
    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO outbox (message) VALUES (?)", [json.dumps(message).encode()]
        )
    connection.close()
    # When the bar is open
    periodiq = start(["periodiq", "actors"])
    periodiq.wait_for_output("sweep_the_outbox: sent the tick of")
    worker = start(["dramatiq", "actors", "-Q", "housekeeping", "coffee", "--processes", "1"])
    # Expect the sweep of this minute to send it, and a worker to serve it
    worker.wait_for_output("Messages left in the outbox that were sent: 1.")
    worker.wait_for_output("Served  coffee for order order-9")
    listed = periodiq.output
    assert "0 4 * * * (UTC)          actors.housekeeping:close_the_till@housekeeping" in listed
    assert (
        "0 9 * * sun (UTC)        actors.housekeeping:clean_the_beer_lines@housekeeping" in listed
    )
    assert periodiq.stop() == 0
