"""A database of PostgreSQL, copied and put back by the commands of docs/how-to/back-up.md."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url, text

from database.engine import make_engine
from database.migrations import is_up_to_date, migrate
from tests.conftest import PROJECT_DIR
from tests.support.postgres import find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_CONTAINER = "docker compose exec -T postgres "
PAGE = PROJECT_DIR / "docs/how-to/back-up.md"


@pytest.fixture
def bar_url(postgres_server: str) -> Iterator[str]:
    """The URL of a new database of the name that the page has."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bar")
        yield postgres_server.replace("/postgres?", "/bar?")
        connection.execute("DROP DATABASE IF EXISTS bar WITH (FORCE)")
        connection.execute("DROP DATABASE IF EXISTS bar_before WITH (FORCE)")


def test_a_copy_of_an_older_version_is_put_back_over_a_newer_one(
    bar_url: str, tmp_path: Path
) -> None:
    copy, put_back = (commands(block) for block in ("pg_dump", "pg_restore"))
    server = make_url(bar_url).query["host"]

    def run(script: str) -> None:
        path = f"{find_binaries()}:{os.environ['PATH']}"
        environment = {**os.environ, "PGHOST": str(server), "PATH": path}
        subprocess.run(["sh", "-ec", script], check=True, cwd=tmp_path, env=environment, timeout=60)

    # Given the copy of a database of an older version, whose users nobody else reads
    engine = make_engine(make_url(bar_url))
    migrate(engine, "0002")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO takings VALUES ('2026-01-01', 'beer', 'EUR', 1, 450)"))
    engine.dispose()
    run(copy)
    assert stat.S_IMODE((tmp_path / "bar.dump").stat().st_mode) == 0o600

    # When it is put back after an upgrade that made more tables
    migrate(engine)
    engine.dispose()
    run(put_back)

    # Expect what it held, and that it can be upgraded
    migrate(engine)
    assert is_up_to_date(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM takings")) == 1
    engine.dispose()


def commands(of_block_with: str) -> str:
    """What a block of the page does in the container of PostgreSQL, as a script for here."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (block,) = (it for it in blocks if f"{IN_CONTAINER}{of_block_with}" in it)
    lines = [line.removeprefix("$ ").replace(IN_CONTAINER, "") for line in block.splitlines()]
    return "\n".join(line for line in lines if not line.startswith("docker"))
