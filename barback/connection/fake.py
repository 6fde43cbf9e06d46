"""fakeredis in place of a server, which people test with.

It runs the scripts, but does not know their first line; it has no ``INFO``; and a blocking command
blocks the thread that sends it. So the scripts go without that line, the server is not checked, and
whoever waits asks again every :data:`WAIT_SECONDS`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

    from barback.connection.script import Argument, Command

#: How long a blocking command may block, in seconds.
WAIT_SECONDS = 0.02


def is_fakeredis(client: redis.Redis) -> bool:
    """Whether a client talks to fakeredis."""
    module: str = client.connection_pool.connection_class.__module__
    return module.startswith("fakeredis.")


class FakeredisConnection:
    """A connection to fakeredis that takes the commands of this package.

    Parameters:
      connection: fakeredis's own connection.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def pack_commands(self, commands: Iterable[Command]) -> Any:
        """As redis-py's connections, with each command as fakeredis knows it."""
        return self._connection.pack_commands([_adapted(command) for command in commands])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


#: By the digest of a script, that of the script without its first line.
_digests: dict[Argument, str] = {}


def _adapted(command: Command) -> Command:
    match command:
        case ("SCRIPT", "LOAD", bytes(source)):
            plain = _without_first_line(source)
            _digests[_digest(source)] = _digest(plain)
            return ("SCRIPT", "LOAD", plain)
        case ("EVALSHA", sha, *rest):
            return ("EVALSHA", _digests.get(sha, sha), *rest)
        case ("EVAL", bytes(source), *rest):
            return ("EVAL", _without_first_line(source), *rest)
        case ("BLPOP", *keys, _):
            return ("BLPOP", *keys, WAIT_SECONDS)
    return command


def _without_first_line(source: bytes) -> bytes:
    return source.partition(b"\n")[2] if source.startswith(b"#!") else source


def _digest(source: bytes) -> str:
    return hashlib.sha1(source, usedforsecurity=False).hexdigest()
