"""A client of a cluster that fails as every other client of Redis does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import redis
from redis.cluster import ClusterPipeline, RedisCluster
from redis.exceptions import ClusterDownError, RedisClusterException, SlotNotCoveredError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

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
