"""Locks on a server's directory: one process starts or stops it, one server writes to it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows, which EmbeddedServer.ensure() refuses with a reason
    fcntl = None  # type: ignore[assignment]

from barback.embedded.probe import wait_until
from barback.private_files import make_private_directory, open_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How long a server may take to write its data and leave, in seconds.
STOP_TIMEOUT_SECONDS = 30.0


class StillRunning(Exception):  # noqa: N818 - it names what is wrong
    """A server that should have left still holds its lock."""


def are_supported() -> bool:
    """Whether this system has such locks; Windows has not."""
    return fcntl is not None


@dataclass(frozen=True)
class ServerLocks:
    """The locks of one directory.

    Parameters:
      directory: The directory; it is made when a lock is taken.
    """

    directory: Path

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time start or stop the server.

        Raises:
          OSError: The directory cannot be used.
        """
        make_private_directory(self.directory)
        with open_private(self.directory / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def life(self) -> Iterator[IO[str]]:
        """Hold the lock that a running server holds until the last of it is gone.

        The server inherits the locked file, and the system keeps the lock for as long as anyone
        has that file open. So, unlike a process id, it never means another process, and it is
        free at once after a `kill -9`, but not while a server is still writing its data: two
        servers must never write to one append-only file.

        Raises:
          StillRunning: A server did not leave in time.
        """
        with open_private(self._life_path) as life:
            if not wait_until(lambda: _try_to_lock(life), STOP_TIMEOUT_SECONDS):
                raise StillRunning
            yield life

    def has_life(self) -> bool:
        """Whether a server runs, be it that it does not answer."""
        with open_private(self._life_path) as life:
            return not _try_to_lock(life)

    @property
    def _life_path(self) -> Path:
        return self.directory / "life"


def _try_to_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
