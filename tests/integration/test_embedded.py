from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis


def test_the_server_keeps_every_message_it_accepts(redis_client: redis.Redis) -> None:
    config = redis_client.config_get("appendonly", "maxmemory-policy", "port")
    assert config == {"appendonly": "yes", "maxmemory-policy": "noeviction", "port": "0"}
