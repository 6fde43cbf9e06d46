"""A program whose output finds no room says so in one line."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def explain_full_disk() -> None:
    """From now on, a program that ends because a disk is full ends with a line, not a traceback.

    The exit code is 1, as for every error that nobody has caught.
    """
    say_more = sys.excepthook

    def explain(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            sys.stderr.write(f"Error: {error.strerror}: something could not be written.\n")
            _give_up_output()
        else:
            say_more(kind, error, traceback)

    sys.excepthook = explain


def _give_up_output() -> None:
    """Python writes what is left as it ends: that would fail again, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
