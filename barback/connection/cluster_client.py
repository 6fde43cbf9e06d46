"""A client of a cluster that fails as every other client of Redis does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import redis
from redis.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.exceptions import ClusterDownError, RedisClusterException, SlotNotCoveredError

from barback.connection.blocking import PatientClient, with_wait
from barback.connection.hosts import Hosts, check_names
from barback.connection.patience import CONNECT_TIMEOUT_WITH_OTHERS_SECONDS, connection_parameters
from barback.errors import BrokerUnavailable, UnsuitableServer
from barback.printable import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
DEFAULT_PORT = 6379

FORM = "redis+cluster://:password@host:6379,host2:6379"

#: How redis-py begins when a server that it was given is not of a cluster.
_NO_CLUSTER = "Cluster mode is not enabled"


def cluster_options(url: str) -> dict[str, Any]:
    """What a URL says, as parameters of a client.

    Raises:
      ValueError: When the URL cannot be used.
    """
    try:
        hosts = Hosts.parse(url, default_port=DEFAULT_PORT, mark="sentinel_")
    except ValueError as error:
        raise ValueError(f"{error}; a cluster URL should look like {FORM}") from None
    if hosts.path or "db" in hosts.options:
        raise ValueError(f"a cluster has no databases; its URL should look like {FORM}")
    check_names(hosts.options, redis.SSLConnection if hosts.tls else redis.Connection)
    return {
        "startup_nodes": [ClusterNode(host, port) for host, port in hosts.addresses],
        **({"ssl": True} if hosts.tls else {}),
        **hosts.credentials,
        **hosts.options,
    }


def cluster_client_for(url: str, parameters: dict[str, Any]) -> redis.Redis:
    """A client of the cluster that a URL names.

    Raises:
      ValueError: When the URL cannot be used.
      BrokerUnavailable: When no server of the cluster can be reached.
      UnsuitableServer: When the server that was asked is of no cluster.
    """
    patience = {"socket_connect_timeout": CONNECT_TIMEOUT_WITH_OTHERS_SECONDS}
    options = connection_parameters({**patience, **cluster_options(url), **parameters})
    try:
        return cast("redis.Redis", ClusterClient(**options))
    except redis.RedisError as error:
        if _NO_CLUSTER in str(error):
            raise UnsuitableServer(
                "Expected a server of a cluster, got one that is of none. If it stands alone, its "
                "URL begins with redis://."
            ) from error
        raise BrokerUnavailable(
            f"No server of the cluster can be reached: {first_line(error)}"
        ) from error


@contextlib.contextmanager
def as_redis_errors() -> Iterator[None]:
    """Raise that no server of a cluster can be reached as a :class:`redis.ConnectionError`, and
    that none serves a key as a :class:`redis.exceptions.ClusterDownError`: redis-py's own errors
    for that are no :class:`redis.RedisError`.
    """
    try:
        yield
    except SlotNotCoveredError as error:
        raise ClusterDownError(str(error)) from error
    except RedisClusterException as error:
        raise redis.ConnectionError(str(error)) from error


class ClusterClient(RedisCluster):
    """A client of a cluster, whose errors are all a :class:`redis.RedisError`."""

    def __init__(self, **parameters: Any) -> None:
        with as_redis_errors():
            super().__init__(**parameters)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self.nodes_manager.default_node is None:  # redis-py would fail over it
            raise redis.ConnectionError("The client of the cluster is closed")
        with as_redis_errors():
            return super().execute_command(*args, **with_wait(args, options))  # type: ignore[no-untyped-call]

    def get_redis_connection(self, node: Any) -> redis.Redis:
        client: redis.Redis = super().get_redis_connection(node)
        client.__class__ = PatientClient  # redis-py has no way to say which class is to be made
        return client

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> ClusterPipeline:  # noqa: FBT001, FBT002 - redis.Redis's signature
        """A pipeline, by default a transaction as with :class:`redis.Redis`: Dramatiq's rate
        limiters and barriers rely on that.
        """
        pipeline: ClusterPipeline = super().pipeline(transaction, shard_hint)  # type: ignore[no-untyped-call]
        pipeline.__class__ = _Pipeline  # redis-py has no way to say which class is to be made
        return pipeline


class _Pipeline(ClusterPipeline):
    def execute(self, *args: Any, **options: Any) -> Any:
        with as_redis_errors():
            return super().execute(*args, **options)
