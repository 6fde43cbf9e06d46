"""The embedded server, on its good and its bad days."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import pytest
import redis

from barback.embedded import EmbeddedServer, EmbeddedServerError, locks, watch
from barback.embedded import server as embedded
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENSURE = """
import sys
from pathlib import Path
from barback.embedded import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1])).ensure())
"""


#: Orders drinks, and ends the server now and then. Prints how many orders were accepted.
DISTURB = """
import os, random, signal, sys
from pathlib import Path
import redis
from barback.embedded import EmbeddedServer, EmbeddedServerError
server = EmbeddedServer(Path(sys.argv[1]))
random.seed(sys.argv[2])
accepted = 0
for _ in range(20):
    action = random.choice(["order", "order", "order", "stop", "kill", "terminate"])
    pid = server.pid()
    try:
        if action == "order":
            client = redis.Redis.from_url(server.ensure(), retry=None)
            # Otherwise it answers before it has written, while the disk is busy.
            order = client.pipeline(transaction=False).config_set("appendfsync", "always")
            accepted += bool(order.rpush("beer", 1).execute()[1])
        elif action == "stop":
            server.stop()
        elif pid is not None:
            os.kill(pid, signal.SIGKILL if action == "kill" else signal.SIGTERM)
    except (redis.RedisError, ProcessLookupError):
        pass  # another one ended the server just now
    except EmbeddedServerError as error:
        assert "ended while it started" in str(error) or "did not start" in str(error), error
print(accepted)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of its own for a test, not yet started."""
    server = EmbeddedServer(tmp_path / "data")
    yield server
    if server.is_running():
        server.stop()


def connect(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis.from_url(server.ensure(), decode_responses=True)


def valkeys_on(server: EmbeddedServer) -> list[int]:
    """The ids of the processes that serve a data directory."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "status", "cwd"])
        if process.info["name"] == "valkey-server"
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.info["cwd"] == str(server.directory)
    ]


def test_the_server_keeps_every_message_it_accepts(embedded_server: EmbeddedServer) -> None:
    config = connect(embedded_server).config_get(
        "appendonly", "appendfsync", "maxmemory-policy", "port"
    )
    assert config == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }


@pytest.mark.slow
def test_ten_processes_that_need_it_at_once_get_one_server(
    server: EmbeddedServer, project_dir: Path
) -> None:
    # Given ten processes that start at the same time
    command = [sys.executable, "-c", ENSURE, str(server.data_dir)]
    with ThreadPoolExecutor(10) as pool:
        runs = pool.map(
            lambda _: subprocess.run(
                command, cwd=project_dir, capture_output=True, text=True, timeout=60, check=False
            ),
            range(10),
        )

    # Expect all of them to be told of one and the same server
    assert {(run.returncode, run.stdout.strip(), run.stderr) for run in runs} == {
        (0, server.url, "")
    }
    assert valkeys_on(server) == [server.pid()]


def test_messages_survive_a_kill_of_the_server(server: EmbeddedServer) -> None:
    # Given a message in a queue
    connect(server).rpush("dramatiq:beer", "order-1")
    pid = server.pid()
    assert pid is not None

    # When the server is killed at once
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not server.is_running())

    # Expect the next one to have it still
    assert connect(server).lrange("dramatiq:beer", 0, -1) == ["order-1"]
    assert server.pid() != pid


@pytest.mark.slow
def test_no_accepted_message_is_lost_while_many_start_stop_and_kill_the_server(
    server: EmbeddedServer, project_dir: Path
) -> None:
    # Given processes that order, and end the server under each other's hands
    with ThreadPoolExecutor(4) as pool:
        runs = list(
            pool.map(
                lambda seed: subprocess.run(
                    [sys.executable, "-c", DISTURB, str(server.data_dir), str(seed)],
                    cwd=project_dir,
                    capture_output=True,
                    text=True,
                    timeout=100,
                    check=False,
                ),
                range(4),
            )
        )

    # Expect no errors but a refused order, and each accepted one on disk
    assert [run.stderr for run in runs] == [""] * 4
    accepted = sum(int(run.stdout) for run in runs)
    assert connect(server).llen("beer") >= accepted > 0
    assert valkeys_on(server) == [server.pid()]


def test_messages_survive_a_stop(server: EmbeddedServer) -> None:
    connect(server).rpush("dramatiq:beer", "order-1")

    assert server.stop()

    assert not server.is_running()
    assert connect(server).lrange("dramatiq:beer", 0, -1) == ["order-1"]


def test_a_directory_may_be_named_by_text_or_by_a_path(tmp_path: Path) -> None:
    assert EmbeddedServer(str(tmp_path)) == EmbeddedServer(tmp_path)
    assert EmbeddedServer(str(tmp_path)).data_dir == tmp_path.resolve()


def test_stopping_what_does_not_run_is_no_error(server: EmbeddedServer) -> None:
    assert not server.stop()
    server.ensure()
    assert server.stop()
    assert not server.stop()


def test_a_stop_is_seen_at_once_while_the_starter_lives_on(server: EmbeddedServer) -> None:
    # Given a server started by this very process, which never waits for its children
    server.ensure()

    # When another process stops it
    stop = f"{ENSURE}\nassert EmbeddedServer(Path(sys.argv[1])).stop()"
    subprocess.run([sys.executable, "-c", stop, str(server.data_dir)], timeout=60, check=True)

    # Expect it to be gone
    assert not server.is_running()


def test_a_stale_socket_is_replaced(server: EmbeddedServer) -> None:
    # Given the socket of a server that died
    pid = connect(server).info("server")["process_id"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not server.is_running())
    assert server.socket_path.exists()

    # Expect a new server to answer there
    assert connect(server).ping()


def test_a_new_server_waits_until_the_old_one_has_left_the_data(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server that cannot be reached any more, but still has the data open
    server.ensure()
    pid = server.pid()
    assert pid is not None
    server.socket_path.unlink()

    # When it does not leave
    monkeypatch.setattr(locks, "STOP_TIMEOUT_SECONDS", 0.2)

    # Expect no second server on the same data, and a message that names the process
    with pytest.raises(EmbeddedServerError, match=rf"\(process {pid}\) still runs"):
        server.ensure()
    assert valkeys_on(server) == [pid]

    # And a new server as soon as it has left
    os.kill(pid, signal.SIGTERM)
    monkeypatch.setattr(locks, "STOP_TIMEOUT_SECONDS", 10)
    assert connect(server).ping()


def test_a_deep_directory_gets_a_socket_with_a_short_path(tmp_path: Path) -> None:
    # Given a data directory whose path is too long for a Unix socket
    deep = EmbeddedServer(tmp_path / ("d" * 60) / ("e" * 60))
    link = tmp_path / "link"
    deep.data_dir.mkdir(parents=True)
    link.symlink_to(deep.data_dir)

    # Expect it to work, also for those who come by a link
    try:
        assert connect(deep).ping()
        assert EmbeddedServer(link).ensure() == deep.url
        assert len(str(deep.socket_path)) <= embedded.MAX_SOCKET_PATH_BYTES
        assert deep.socket_path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        deep.stop()


@pytest.mark.parametrize(
    "name",
    ['the "bar"', "50%25 off?db=1#top", "two\nlines", "back\\slash", "Füße", "bar [old]", "*[\\*]"],
)
def test_a_path_with_characters_that_mean_something_elsewhere_works(
    name: str, tmp_path: Path
) -> None:
    server = EmbeddedServer(tmp_path / name)
    try:
        assert connect(server).ping()
    finally:
        server.stop()


def modes(directory: Path) -> dict[bool, set[int]]:
    """The permissions of the directories (True) and files (False) in a directory."""
    modes: dict[bool, set[int]] = {True: set(), False: set()}
    for path in (directory, *directory.rglob("*")):
        if not path.is_socket():
            modes[path.is_dir()].add(path.stat().st_mode & 0o777)
    return modes


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_nobody_else_can_read_what_is_made_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "missing" / "data")
    before = os.umask(umask)
    try:
        assert connect(server).set("key", "value")
    finally:
        os.umask(before)
        server.stop()

    assert modes(tmp_path / "missing") == {True: {0o700}, False: {0o600}}


def test_a_directory_that_is_found_open_to_others_is_made_private(
    server: EmbeddedServer,
) -> None:
    server.directory.mkdir(parents=True)
    server.data_dir.chmod(0o755)
    server.directory.chmod(0o755)
    (server.directory / "lock").touch(0o644)

    server.ensure()

    assert modes(server.data_dir) == {True: {0o700}, False: {0o600}}


@pytest.mark.slow
def test_a_server_whose_directory_is_deleted_ends(server: EmbeddedServer) -> None:
    # Given a server whose checkout is deleted
    server.ensure()
    (pid,) = valkeys_on(server)
    shutil.rmtree(server.data_dir)

    # Expect it to end soon, and a new one to start where it was
    eventually(lambda: not psutil.pid_exists(pid))
    assert connect(server).ping()
    assert server.pid() != pid


@pytest.mark.slow
def test_a_server_whose_directory_is_moved_keeps_its_messages(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    # Given a server whose checkout gets another name
    connect(server).rpush("dramatiq:beer", "order-1")
    (pid,) = valkeys_on(server)
    moved = EmbeddedServer(server.data_dir.rename(tmp_path / "moved"))

    # Expect the server of the new place to have the messages
    eventually(lambda: not psutil.pid_exists(pid))
    assert connect(moved).lrange("dramatiq:beer", 0, -1) == ["order-1"]
    moved.stop()


def test_whoever_watches_the_directory_ends_with_the_server(server: EmbeddedServer) -> None:
    server.ensure()

    def watchers() -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if str(server.directory) in (process.info["cmdline"] or [])
            and process.info["cmdline"][-3:-2] == [watch.__file__]
        ]

    assert len(watchers()) == 1
    server.stop()
    eventually(lambda: not watchers())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(server: EmbeddedServer) -> None:
    server.directory.mkdir(parents=True)
    os.chown(server.directory, 12345, -1)

    with pytest.raises(EmbeddedServerError, match="not a directory of this user"):
        server.ensure()


@pytest.mark.parametrize("depth", [1, 100], ids=["beside its data", "under /tmp"])
def test_nothing_is_sent_to_what_another_user_has_put_in_the_servers_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    # Given another user, which is this one, who was in the place of our socket first
    monkeypatch.setattr(os, "getuid", lambda: 10_000_000 + os.getpid())
    server = EmbeddedServer(tmp_path / ("d" * depth))
    server.socket_path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as trap:
        trap.bind(str(server.socket_path))
        trap.listen()
        trap.settimeout(0)

        # Expect the place to be refused, and nobody to have called
        with pytest.raises(EmbeddedServerError, match="not a directory of this user"):
            server.ensure()
        with pytest.raises(BlockingIOError):
            trap.accept()
    shutil.rmtree(server.socket_path.parent)


def test_a_symbolic_link_in_place_of_the_directory_is_refused(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    server.data_dir.mkdir()
    server.directory.symlink_to(tmp_path)

    with pytest.raises(EmbeddedServerError, match="not a directory of this user"):
        server.ensure()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EmbeddedServerError, match=r"cannot use .*/file/valkey.*BARBACK_DATA_DIR"):
        EmbeddedServer(tmp_path / "file").ensure()


def test_a_server_that_does_not_start_shows_the_end_of_its_log(server: EmbeddedServer) -> None:
    # Given data that no Valkey can read
    (server.directory / "appendonlydir").mkdir(parents=True)
    (server.directory / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(EmbeddedServerError, match=r"did not start(.|\n)*manifest"):
        server.ensure()


def test_a_machine_without_a_wheel_is_told_of_the_alternatives(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    with pytest.raises(EmbeddedServerError, match=r"riscv64.*Set REDIS_URL.*docker compose.*WSL"):
        server.ensure()


def test_windows_is_told_of_the_alternatives(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)

    with pytest.raises(EmbeddedServerError, match=r"Windows.*Set REDIS_URL.*WSL"):
        server.ensure()
