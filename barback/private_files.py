"""Directories and files that only this user can read, whatever the umask says."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import IO

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


def make_private_directory(directory: Path, *, may_be_anothers: bool = False) -> None:
    """Make a directory, and whatever is missing above it, or make private the one that is there.

    One that others must be able to enter, such as ``/tmp`` or the user's home, stays as it is.

    Parameters:
      directory: The directory.
      may_be_anothers: Leave another user's directory as it is, instead of refusing it.

    Raises:
      PermissionError: It is a symbolic link or another user's, which may be a trap.
      OSError: It cannot be made.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was quicker
            path.mkdir(DIRECTORY_MODE)
            path.chmod(DIRECTORY_MODE)
    found = directory.lstat()
    is_own = found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode)
    if is_own and not _is_shared(directory, found.st_mode):
        directory.chmod(DIRECTORY_MODE)
    if not (is_own or may_be_anothers):
        raise PermissionError(f"{directory} is not a directory of this user")


def make_private_file(path: Path) -> None:
    """Make an empty file, or make private the one that is there, unless it is another user's.

    Raises:
      OSError: It cannot be made or opened.
    """
    try:
        open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL).close()
    except FileExistsError:
        # Not opened: to close it would take all locks from this process that it has on it, and
        # SQLite would not know. Its log may be gone by now.
        with contextlib.suppress(FileNotFoundError):
            if _is_own_file(path.stat()):
                path.chmod(FILE_MODE)


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT | os.O_TRUNC) -> IO[str]:
    """Open a file to write to it; it is made private, unless it is another user's.

    Raises:
      OSError: It cannot be made or opened.
    """
    descriptor = os.open(path, flags, FILE_MODE)
    if _is_own_file(os.fstat(descriptor)):
        os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "w")


def _is_own_file(found: os.stat_result) -> bool:
    """Whether it is this user's, and not /dev/null, which is root's and everybody's."""
    return found.st_uid == os.getuid() and stat.S_ISREG(found.st_mode)


def _is_shared(directory: Path, mode: int) -> bool:
    places = [Path(os.path.expanduser("~"))]  # noqa: PTH111 - pathlib's fails where there is none
    with contextlib.suppress(FileNotFoundError):  # the current directory is gone
        places.append(Path.cwd())
    return bool(mode & stat.S_ISVTX) or any(place.is_relative_to(directory) for place in places)
