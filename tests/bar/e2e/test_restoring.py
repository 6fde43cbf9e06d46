"""The bar, lost with its servers and put back from copies, as docs/how-to/back-up.md says."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import redis

from tests.support.polling import eventually
from tests.support.programs import require_program
from tests.support.website import made_older, start_website

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.processes import ProcessStarter, TestProcess

SERVED_AT_FIRST = 4
WAITING = 8
#: With --appendonly, as every server of a queue.
ALWAYS = ["--appendonly", "yes"]


@pytest.mark.slow
def test_a_bar_is_put_back_from_copies_of_its_messages_and_its_database(
    start: ProcessStarter,
    start_worker: Callable[..., TestProcess],
    tmp_path: Path,
    session_dir: Path,
) -> None:
    redis_server = require_program("redis-server", install="apt-get install redis-server")
    redis_cli = require_program("redis-cli", install="apt-get install redis-tools")
    socket_path = session_dir / "restored.sock"
    url = f"unix://{socket_path}"

    def start_redis(data_dir: Path, *options: str) -> redis.Redis:
        listen = ["--port", "0", "--unixsocket", str(socket_path), "--dir", str(data_dir)]
        start([redis_server, *listen, "--save", "", *options])
        client = redis.Redis(unix_socket_path=str(socket_path))
        eventually(lambda: socket_path.exists() and client.ping())
        return client

    # Given a bar that has served some of its orders
    (tmp_path / "first").mkdir()
    client = start_redis(tmp_path / "first", *ALWAYS)
    website = start_website(start, REDIS_URL=url)
    database = Path(website.database_url.removeprefix("sqlite:///"))

    def order(beers: int) -> None:
        for _ in range(beers):
            httpx.post(f"{website.url}/api/orders", json={"drink": "beer"}).raise_for_status()

    def waiting() -> int:
        return client.hlen("dramatiq:beer.msgs")

    order(SERVED_AT_FIRST)
    worker = start_worker("beer", REDIS_URL=url, BEER_SECONDS="0")
    eventually(lambda: states(database) == {"served": SERVED_AT_FIRST})
    worker.stop()

    # When its messages are copied, then its database, with an order in between
    order(WAITING)
    eventually(lambda: waiting() == WAITING)
    copied = start.run([redis_cli, "-s", str(socket_path), "--rdb", str(tmp_path / "copy.rdb")])
    assert copied.exit_code == 0, copied.output
    order(1)
    eventually(lambda: waiting() == WAITING + 1)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(":memory:")) as copy:
        source.backup(copy)
        # and both are lost, with what came later,
        order(1)
        website.process.stop()
        client.shutdown(nosave=True)
        for file in database.parent.glob("bar.db*"):
            file.unlink()
        # and put back: the messages by a server that first reads no append-only files
        (tmp_path / "second").mkdir()
        (tmp_path / "copy.rdb").rename(tmp_path / "second" / "dump.rdb")
        with closing(sqlite3.connect(database)) as restored:
            copy.backup(restored)
    client = start_redis(tmp_path / "second", "--appendonly", "no")
    client.config_set("appendonly", "yes")
    eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
    client.shutdown(nosave=True)
    start_redis(tmp_path / "second", *ALWAYS)

    # Expect the orders whose messages were copied to be served, and nothing to wait for the other
    made_older(website.database_url)
    worker = start_worker("beer", "housekeeping", REDIS_URL=url, BEER_SECONDS="0")
    eventually(lambda: states(database)["served"] == SERVED_AT_FIRST + WAITING)
    start.run(["python", "-c", "import actors; actors.give_up_lost_work.send()"], REDIS_URL=url)
    eventually(
        lambda: states(database) == {"served": SERVED_AT_FIRST + WAITING, "failed": 1},
        complaint=lambda: worker.output,
    )


def states(database: Path) -> Counter[str]:
    """How many orders are in which state."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM orders"))
