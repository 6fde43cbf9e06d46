"""When a program of this host was last at work, for health checks that run beside it.

In a container the host name is the container's, and the health check runs in there, too: each
container answers for itself. Programs of one name on one host answer together.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from barback.periodic.clock import as_ms, from_ms

if TYPE_CHECKING:
    import datetime as dt

    import redis

#: How long the heartbeat of a host that is no more is kept, in seconds.
TTL_SECONDS = 7 * 86_400


class Heartbeat:
    """The last heartbeat of a program, in ``<namespace>:__heartbeat__:<program>:<host>``."""

    def __init__(self, client: redis.Redis, namespace: str, program: str) -> None:
        self.client = client
        self._key = f"{namespace}:__heartbeat__:{program}:{socket.gethostname()}"

    def beat(self, now: dt.datetime) -> None:
        self.client.set(self._key, as_ms(now), ex=TTL_SECONDS)

    def last(self) -> dt.datetime | None:
        """When the program was last at work; None when it never was, or long ago."""
        return from_ms(cast("bytes | None", self.client.get(self._key)))
