"""The Redis or Valkey server: whether messages are safe on it."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import redis
from redis.cluster import RedisCluster

from barback.connection.fake import is_fakeredis
from barback.errors import NotWatched, UnsuitableServer
from barback.exits import EXIT_BROKER, end_process
from barback.printable import first_line

if TYPE_CHECKING:
    from barback.connection.confirmation import Confirmation

#: The oldest version that knows the commands and script flags that are used here.
MIN_VERSION = (7, 0)

#: The oldest version that knows WAITAOF.
MIN_VERSION_FOR_DISK = (7, 2)

#: The versions of Redis whose WAITAOF answers, with ``appendfsync everysec``, when the data is
#: really on disk (redis/redis#13793). Valkey has not taken that change over.
FIRST_SOUND_EVERYSEC = (7, 4, 3)

_EXPECTED = "Expected Redis 7.0 or newer, or Valkey"
_UPGRADE = "Upgrade the server."


def check_client(client: redis.Redis) -> None:
    """Refuse a client that would decode payloads, or one of asyncio.

    Raises:
      ValueError: When it is such a one.
    """
    if inspect.iscoroutinefunction(client.execute_command):
        raise ValueError(
            "Expected a client such as redis.Redis, got one of redis.asyncio. Give the broker a "
            "URL, or a client of its own: Dramatiq sends and works in threads."
        )
    if client.get_connection_kwargs().get("decode_responses"):
        raise ValueError(
            "Expected a client that answers in bytes, got one with decode_responses=True. "
            "Make the broker a client of its own."
        )


def check_server(client: redis.Redis, confirmation: Confirmation | None = None) -> None:
    """Refuse a server on which messages would not be safe.

    It is judged by INFO, because managed servers often forbid CONFIG. fakeredis, which tests use,
    is not judged.

    Parameters:
      client: A client of the server.
      confirmation: What sends are to be confirmed by, or None.

    Raises:
      UnsuitableServer: When the server is too old, evicts keys to make room, or cannot confirm.
      redis.RedisError: When it cannot be asked.
    """
    if not isinstance(client, RedisCluster):
        check_mode(client)
        _check_one(client, confirmation)
        return
    for server in each_server(client):
        # One that is away, or was replaced since the client last asked, concerns those alone who
        # send to it: they will notice.
        with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            _check_one(server, confirmation)


def require_server(client: redis.Redis) -> redis.RedisError | None:
    """End this process, saying why, if its server will never do.

    Returns:
      Why it cannot be asked, if so: a server that is only away will be back.

    Raises:
      SystemExit: If it will never do.
    """
    try:
        check_server(client)
    except UnsuitableServer as error:
        end_process(str(error), EXIT_BROKER)
    except redis.RedisError as error:
        return error
    return None


def check_mode(client: redis.Redis) -> None:
    """Refuse a server that a client of another kind is for.

    Raises:
      UnsuitableServer: When it is a Sentinel, or of a cluster and the client is for one server, or
        not watched by the Sentinels that are asked for it.
      redis.RedisError: When it cannot be asked.
    """
    if isinstance(client, RedisCluster) or is_fakeredis(client):
        return
    try:
        info: dict[str, Any] = client.info("server")
    except NotWatched as error:
        raise UnsuitableServer(str(error)) from error
    except redis.exceptions.InvalidResponse as error:
        raise UnsuitableServer(
            f"Expected Redis or Valkey, got something else ({first_line(error)}). Check host and "
            "port in its URL, and whether it wants TLS: rediss://."
        ) from error
    except redis.ResponseError as error:
        if "unknown command" in str(error) and "HELLO" in str(error):
            raise UnsuitableServer(
                f"{_EXPECTED}; got one that is older than 6.0. {_UPGRADE}"
            ) from error
        raise
    mode = info.get("redis_mode", info.get("server_mode"))
    if mode == "sentinel":
        raise UnsuitableServer(
            "Expected a server that keeps messages, got a Sentinel. Its URL looks like "
            "redis+sentinel://host:26379/SERVICE/0."
        )
    if mode == "cluster":
        raise UnsuitableServer(
            "Expected a server that stands alone, got one of a cluster. Its URL looks like "
            "redis+cluster://host:6379."
        )


def each_server(client: redis.Redis) -> list[redis.Redis]:
    """A client of each server that keeps messages: of each primary of a cluster."""
    if isinstance(client, RedisCluster):
        return [client.get_redis_connection(node) for node in client.get_primaries()]
    return [client]


def describe_server(client: redis.Redis) -> dict[str, Any]:
    """What a server is and where: its name, version, address and process.

    Raises:
      redis.RedisError: When it cannot be asked.
    """
    info: dict[str, Any] = client.info("server")
    return {
        "name": info.get("server_name", "redis").capitalize(),
        "version": info.get("valkey_version", info["redis_version"]),
        "address": _address_of(client),
        "pid": info["process_id"],
    }


def _address_of(client: redis.Redis) -> str:
    kwargs = client.connection_pool.connection_kwargs
    if sentinels := kwargs.get("connection_pool"):  # as redis-py calls who knows the primary
        host, port = sentinels.get_master_address()
        return f"{host}:{port}"
    return str(
        kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"
    )


def _check_one(client: redis.Redis, confirmation: Confirmation | None) -> None:
    if is_fakeredis(client):
        return
    info: dict[str, Any] = client.info("server") | client.info("memory")
    version = _version_of(info)
    if version < MIN_VERSION:
        raise UnsuitableServer(f"{_EXPECTED}; got Redis {info.get('redis_version')}. {_UPGRADE}")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and int(info.get("maxmemory", 0)) != 0:
        raise UnsuitableServer(
            f"Expected the server never to evict keys, got maxmemory-policy {policy}: it would "
            "delete messages when memory is short. Set `maxmemory-policy noeviction`, or give the "
            "queues a server of their own."
        )
    if confirmation is not None and confirmation.on_disk:
        _check_disk(client, info, version)
    elif confirmation is not None:
        _check_replicas(client, confirmation.replicas)


def _check_disk(client: redis.Redis, info: dict[str, Any], version: tuple[int, ...]) -> None:
    if version < MIN_VERSION_FOR_DISK:
        raise UnsuitableServer(
            f'confirm="disk" needs Redis 7.2 or newer, or Valkey; got {info["redis_version"]}.'
        )
    if not client.info("persistence").get("aof_enabled"):
        raise UnsuitableServer(
            'confirm="disk" needs the append-only file, which this server does not write. Set '
            "`appendonly yes`, or leave `confirm` out."
        )
    sound = version >= FIRST_SOUND_EVERYSEC and "valkey_version" not in info
    policy: Any = ""
    with contextlib.suppress(redis.RedisError):  # some servers forbid CONFIG; then we trust it
        policy = client.config_get("appendfsync").get("appendfsync", "")
    if not sound and policy in ("everysec", b"everysec"):
        raise UnsuitableServer(
            'confirm="disk" needs `appendfsync always` on this server: with `everysec` it confirms '
            "before the data is on disk (redis/redis#13793)."
        )


def _check_replicas(client: redis.Redis, wanted: int) -> None:
    connected = int(client.info("replication").get("connected_slaves", 0))
    if connected < wanted:
        raise UnsuitableServer(
            f'confirm="replicas:{wanted}" needs {wanted} connected replicas, got {connected}.'
        )


def _version_of(info: dict[str, Any]) -> tuple[int, ...]:
    """The version of Redis that a server is compatible with."""
    return tuple(int(part) for part in str(info.get("redis_version", "0")).split(".")[:3])
