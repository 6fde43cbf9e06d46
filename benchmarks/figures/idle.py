"""What a worker with nothing to do costs the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.server import Server

#: After its first message, a worker comes to rest.
REST_SECONDS = 1.0

WINDOW_SECONDS = 3.0


def idle_commands_per_second(server: Server) -> float:
    """How many commands per second reach the server, those within scripts included."""
    time.sleep(REST_SECONDS)
    started, commands = time.monotonic(), server.commands_run()
    time.sleep(WINDOW_SECONDS)
    # The first reading counts as a command in the second.
    return (server.commands_run() - commands - 1) / (time.monotonic() - started)
