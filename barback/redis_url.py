"""URLs of Redis and Valkey servers."""

from __future__ import annotations

from redis.connection import parse_url


def check_redis_url(url: str) -> None:
    """Raise a ValueError with a message for a person unless a URL can be used."""
    try:
        parse_url(url)
    except ValueError:
        # Its own message may show a part of the password.
        raise ValueError(
            "it should look like redis://:password@host:6379/0, rediss://… or unix:///path"
        ) from None
