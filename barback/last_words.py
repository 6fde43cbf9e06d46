"""A program that is interrupted, or whose output finds no room, ends without a traceback."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def choose_last_words() -> None:
    """From now on, a program that ends because a disk is full says so in a line, and one that is
    interrupted, such as by Ctrl-C while it starts, says nothing.

    The exit code is 1 on a full disk, and 130, as a shell sees it, after Ctrl-C.
    """

    def explain(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            sys.stderr.write(f"Error: {error.strerror}: something could not be written.\n")
            _give_up_output()
        elif not isinstance(error, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)

    sys.excepthook = explain


def _give_up_output() -> None:
    """Python writes what is left as it ends: that would fail again, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
