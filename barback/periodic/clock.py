"""The time. Where there is a Redis server it is the server's: machines of a fleet disagree."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import redis
from redis.cluster import RedisCluster

if TYPE_CHECKING:
    import dramatiq


def server_now(client: redis.Redis | RedisCluster) -> dt.datetime:
    """The Redis server's time.

    Raises:
      redis.RedisError: When the server does not answer.
    """
    if isinstance(client, RedisCluster):
        seconds, microseconds = client.time(target_nodes=client.get_default_node())
    else:
        seconds, microseconds = client.time()
    return dt.datetime.fromtimestamp(seconds, dt.UTC) + dt.timedelta(microseconds=microseconds)


def as_ms(moment: dt.datetime) -> int:
    """A time as it is stored, in milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def from_ms(value: bytes | None) -> dt.datetime | None:
    """A stored time, or None where none, or no time, is stored."""
    try:
        return dt.datetime.fromtimestamp(int(value or b"") / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def broker_now(broker: dramatiq.Broker) -> dt.datetime:
    """The time of the broker's server or, where that has none to tell, of this machine."""
    client = getattr(broker, "client", None)
    if isinstance(client, redis.Redis | RedisCluster):
        try:
            return server_now(client)
        except redis.RedisError:
            pass  # the worker that asks will see to it; here a rough answer is better than none
    return dt.datetime.now(dt.UTC)
