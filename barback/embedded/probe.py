"""Asking the embedded server how it is, without a client library and its patience."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: How long a server may take to answer, in seconds. One that is loading answers, too.
ANSWER_TIMEOUT_SECONDS = 10.0

_POLL_SECONDS = 0.01


def ask(socket_path: Path, command: bytes) -> bytes | None:
    """The first line of the server's answer, or None when nobody answers, or nobody of this user:
    in a place where everybody may write, another one can have made the socket's directory first.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_TIMEOUT_SECONDS)
        try:
            if socket_path.parent.stat().st_uid != os.getuid():
                return None
            client.connect(str(socket_path))
            client.sendall(command + b"\r\n")
            return client.recv(512).split(b"\r\n")[0] or None
        except OSError:
            return None


def is_ready(answer: bytes | None) -> bool:
    """Whether an answer is that of a server that serves, and is not still loading its data."""
    return answer is not None and not answer.startswith((b"-LOADING", b"-BUSY"))


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Look every few milliseconds whether a condition is true. False when the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
