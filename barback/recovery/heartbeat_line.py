"""Where a worker gives its heartbeats."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from barback.connection.outage import Outage

if TYPE_CHECKING:
    from logging import Logger

    from barback.connection.connection import RedisConnection
    from barback.connection.outage import Silence


#: For how long a connection has to serve before other workers are missed, in seconds. After a
#: server's restart they all come back, each at its own time; all try once a second.
SETTLING_SECONDS = 4.0


class HeartbeatLine:
    """The connection to the server of a shard, and whether it serves."""

    def __init__(self, connection: RedisConnection, logger: Logger, silence: Silence) -> None:
        self.connection = connection
        self.outage = Outage(logger, "heartbeats", silence=silence)
        #: Since when it serves, on the monotonic clock; None: it does not.
        self._serves_since: float | None = None

    @property
    def has_settled(self) -> bool:
        """Whether who is not connected now has had the time to be."""
        return (
            self._serves_since is not None
            and time.monotonic() - self._serves_since >= SETTLING_SECONDS
        )

    def note_answer(self) -> None:
        """Note that the server has answered."""
        if self._serves_since is None:
            self._serves_since = time.monotonic()

    def break_off(self, error: Exception) -> None:
        """Forget the connection."""
        self.connection.close()
        self._serves_since = None
        self.outage.report(error)
