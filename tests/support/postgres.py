"""A private PostgreSQL server for the test session, from Debian's package."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

#: PostgreSQL refuses to run as root; its package brings this user along.
_USER = "postgres" if os.getuid() == 0 else None


@contextlib.contextmanager
def running_postgres(directory: Path) -> Iterator[str]:
    """Run a server that listens on a Unix socket alone; yield the URL of its database."""
    binaries = find_binaries()
    directory.mkdir()
    if _USER is not None:
        directory.parent.chmod(0o711)
        shutil.chown(directory, _USER)
    data = directory / "data"
    _run(binaries / "initdb", "--auth=trust", "--username=bar", "--no-sync", "-D", data)
    options = f"-k {directory} -c listen_addresses= -c fsync=off"
    _run(binaries / "pg_ctl", "-D", data, "-o", options, "-l", directory / "log", "-w", "start")
    try:
        yield f"postgresql://bar@/postgres?host={directory}"
    finally:
        _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def new_database(server_url: str) -> str:
    """Make a database; return its URL."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return server_url.replace("/postgres?", f"/{name}?")


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs; without them the test is skipped."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if found:
        return found[-1]
    return Path(require_program("initdb", install="apt-get install postgresql")).parent


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, user=_USER, stdout=subprocess.DEVNULL, cwd="/", timeout=60)
