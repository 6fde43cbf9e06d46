"""The time. Where there is a Redis server it is the server's: machines of a fleet disagree."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    import dramatiq


def server_now(client: redis.Redis) -> dt.datetime:
    """The Redis server's time.

    Raises:
      redis.RedisError: When the server does not answer.
    """
    seconds, microseconds = client.time()
    return dt.datetime.fromtimestamp(seconds, dt.UTC) + dt.timedelta(microseconds=microseconds)


def broker_now(broker: dramatiq.Broker) -> dt.datetime:
    """The time of the broker's server or, where that has none to tell, of this machine."""
    client = getattr(broker, "client", None)
    if isinstance(client, redis.Redis):
        try:
            return server_now(client)
        except redis.RedisError:
            pass  # the worker that asks will see to it; here a rough answer is better than none
    return dt.datetime.now(dt.UTC)
