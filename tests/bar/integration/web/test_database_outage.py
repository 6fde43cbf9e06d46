"""A website whose database is away, or keeps it waiting."""

from __future__ import annotations

import concurrent.futures
import sys
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.support.polling import eventually
from tests.support.website import start_website

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter
    from tests.support.website import Website

#: More than the website has threads.
MANY = 50


@pytest.fixture
def website(start: ProcessStarter, postgres_url: str) -> Iterator[Website]:
    start.run([sys.executable, "-m", "database", "migrate"], DATABASE_URL=postgres_url)
    website = start_website(start, DATABASE_URL=postgres_url)
    yield website
    website.process.stop()


@pytest.fixture
def operator(postgres_server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        yield connection


@pytest.mark.slow
def test_a_database_that_is_away_is_said_once_and_asks_for_patience(
    website: Website, operator: psycopg.Connection
) -> None:
    # Given somebody who is logged in, and a database that goes away
    client = website.staff()
    name = psycopg.conninfo.conninfo_to_dict(website.database_url)["dbname"]
    operator.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(str(name))))

    # Expect pages and programs to be told to come back, whatever they ask for
    with client:
        order = client.post("/api/orders", json={"drink": "beer"})
        pages = [client.get(path) for path in ("/orders", "/reports", "/account")]
        assert [answer.status_code for answer in (order, *pages)] == [503] * 4
        assert {int(answer.headers["Retry-After"]) for answer in (order, *pages)} == {10}
        assert "Please try again" in order.json()["detail"]
        assert "Please try again" in pages[0].text

        # Expect the log to say so in one line
        log = website.process.output
        assert log.count("the database cannot be used: ") == 1, log
        assert "Traceback" not in log

        # Expect the process to be alive, and not ready
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json() == {"database": "away", "broker": "ok"}


@pytest.mark.slow
def test_a_locked_table_does_not_make_the_process_look_dead(
    website: Website, operator: psycopg.Connection
) -> None:
    # Given more requests than there are threads, all of which wait for a table
    visitors = httpx.Client(base_url=website.url, timeout=60)

    def ask(_: int) -> int:
        return visitors.get("/api/orders/none").status_code

    def waiting() -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        [(count,)] = operator.execute(query)
        return int(count)

    with visitors, concurrent.futures.ThreadPoolExecutor(MANY) as threads:
        with psycopg.connect(website.database_url) as locker:
            locker.execute("LOCK TABLE orders")
            answers = [threads.submit(ask, number) for number in range(MANY)]
            eventually(lambda: waiting() >= 10)

            # Expect to hear that the process lives, while they wait
            assert httpx.get(f"{website.url}/healthz", timeout=30).status_code == 200
            assert waiting()

        # Expect them to be answered when the table is free, or when they have waited long enough
        assert {answer.result() for answer in answers} <= {404, 503}


@pytest.mark.slow
def test_a_database_that_takes_nothing_is_not_ready(
    website: Website, operator: psycopg.Connection
) -> None:
    name = Identifier(str(psycopg.conninfo.conninfo_to_dict(website.database_url)["dbname"]))
    operator.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
        [name.as_string().strip('"')],
    )

    # Expect no more requests to be sent here, of which most can only be refused
    answer = httpx.get(f"{website.url}/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "read-only")
    assert httpx.post(f"{website.url}/api/orders", json={"drink": "beer"}).status_code == 503
    assert httpx.get(f"{website.url}/orders").status_code == 200
