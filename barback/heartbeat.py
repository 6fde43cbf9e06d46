"""When a program of this host was last at work, for health checks that run beside it.

In a container the host name is the container's, and the health check runs in there, too: each
container answers for itself. Programs of one name on one host answer together.
"""

from __future__ import annotations

import datetime as dt
import socket
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import redis

#: How long the heartbeat of a host that is no more is kept, in seconds.
TTL_SECONDS = 7 * 86_400


class Heartbeat:
    """The last sign of life of a program, in ``<namespace>:__heartbeat__:<program>:<host>``."""

    def __init__(self, client: redis.Redis, namespace: str, program: str) -> None:
        self.client = client
        self._key = f"{namespace}:__heartbeat__:{program}:{socket.gethostname()}"

    def beat(self, now: dt.datetime) -> None:
        self.client.set(self._key, int(now.timestamp() * 1000), ex=TTL_SECONDS)

    def last(self) -> dt.datetime | None:
        """When the program was last at work; None when it never was, or long ago."""
        value = cast("bytes | None", self.client.get(self._key))
        return None if value is None else dt.datetime.fromtimestamp(int(value) / 1000, dt.UTC)
