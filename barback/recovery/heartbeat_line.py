"""Where a worker gives its heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barback.connection.outage import Outage

if TYPE_CHECKING:
    from logging import Logger

    from barback.connection.connection import RedisConnection
    from barback.connection.outage import Silence


class HeartbeatLine:
    """The connection to the server of a shard, and whether it serves."""

    def __init__(self, connection: RedisConnection, logger: Logger, silence: Silence) -> None:
        self.connection = connection
        self.outage = Outage(logger, "heartbeats", silence=silence)

    def break_off(self, error: Exception) -> None:
        """Forget the connection."""
        self.connection.close()
        self.outage.report(error)
