"""The website's own connections to the queues."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from actors.broker import make_broker

if TYPE_CHECKING:
    from barback import RedisBroker

#: How long somebody who orders waits for the queue before the bar counts as closed, in seconds.
#: A worker is more patient: nobody looks at it.
TIMEOUT_SECONDS = 1.0


@functools.cache
def broker() -> RedisBroker:
    return make_broker(socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
