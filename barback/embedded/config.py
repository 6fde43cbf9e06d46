"""The configuration file of the embedded server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from barback.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def write_config(directory: Path, *, socket_path: Path, pid_path: Path, log_path: Path) -> Path:
    """Write the configuration of a server that keeps to a directory; return the file's path."""
    config_path = directory / "valkey.conf"
    with open_private(config_path) as file:
        file.write(
            _CONFIG.format(
                socket_path=_quoted(socket_path),
                directory=_quoted(directory),
                pid_path=_quoted(pid_path),
                log_path=_quoted(log_path),
            )
        )
    return config_path


def _quoted(path: Path) -> str:
    r"""A path as a Redis configuration file wants it: what is not plain is written as ``\xHH``."""
    return f'"{"".join(_escaped(os.fsencode(path)))}"'


def _escaped(text: bytes) -> Iterator[str]:
    for byte in text:
        is_plain = chr(byte).isascii() and chr(byte).isprintable() and chr(byte) not in '"\\'
        yield chr(byte) if is_plain else f"\\x{byte:02x}"
