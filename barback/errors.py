"""What can go wrong between a program and its broker."""

from __future__ import annotations

import redis
from dramatiq.errors import BrokerError, ConnectionFailed
from dramatiq.middleware import MiddlewareError
from redis.exceptions import ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError


class BrokerUnavailable(ConnectionFailed, redis.RedisError):
    """Redis cannot take messages now: unreachable, too slow, loading, read-only or full.

    As far as this program can know, nothing was enqueued. Try again later. It is also a
    :class:`redis.RedisError`, for programs that catch what stock Dramatiq raises.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]

    __repr__ = Exception.__repr__  # redis-py's fails: Dramatiq's constructor does not call its


class NotConfirmed(BrokerUnavailable):
    """Redis took the message but did not confirm in time that it is safe.

    The message may be in the queue: sending it again may enqueue it twice.
    """


class UnsuitableServer(ConnectionFailed):
    """The server answers, but messages would not be safe on it: it is too old, evicts
    keys, or has data of another version of barback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class UnusableUrl(ConnectionFailed, ValueError):  # noqa: N818 - dramatiq's errors have no suffix
    """There is no such URL of a server. Its message never shows a password."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class NotWatched(redis.ConnectionError):
    """All Sentinels have answered, and none of them watches the service."""


class WrongKeyType(BrokerError, redis.ResponseError):  # noqa: N818 - dramatiq's errors have no suffix
    """Another program keeps something of its own under a key that the broker uses.

    Trying again does not help. Rename or delete that key, or give the broker another `namespace`.

    Parameters:
      key: The key.
      expected: The type that it should have, as the command ``TYPE`` tells it.
      actual: The type that it has.
    """

    def __init__(self, key: str, *, expected: str, actual: str) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            f"Expected the key {key} to be a {expected}, got a {actual}, which another program "
            "must have put there. Rename or delete it, or give the broker another namespace."
        )
        self.key = key

    __repr__ = Exception.__repr__  # see above


def is_about_data(error: Exception) -> bool:
    """Whether Redis has refused something because of what it found under a key: other keys may be
    all right.
    """
    return isinstance(error, redis.ResponseError) and (
        isinstance(error, WrongKeyType) or "WRONGTYPE" in str(error) or "user_script" in str(error)
    )


#: What is raised while a server answers nobody, or takes no writes from anybody.
_AWAY_ERRORS = (
    redis.ConnectionError,
    redis.TimeoutError,
    ConnectionFailed,
    ReadOnlyError,
    ClusterDownError,
    MasterDownError,
)

#: How it says the latter where redis-py has no type for it.
_TAKES_NO_WRITES = ("BUSY ", "MISCONF ", "NOREPLICAS ")


def is_away(error: Exception) -> bool:
    """Whether a server serves nobody for a while. A full one does: it lets workers drain it."""
    return isinstance(error, _AWAY_ERRORS) or (
        isinstance(error, redis.ResponseError)
        and any(words in str(error) for words in _TAKES_NO_WRITES)
    )


def is_away_or_full(error: Exception) -> bool:
    """Whether a server keeps nothing new for a while."""
    return is_away(error) or isinstance(error, OutOfMemoryError)


def unavailable(error: redis.RedisError) -> BrokerError:
    """The error for a program whose message Redis did not take."""
    if isinstance(error, BrokerError):
        return error
    return BrokerUnavailable(f"Redis did not take the message: {error or type(error).__name__}")


class MessageRejected(BrokerError):  # noqa: N818 - see above
    """The message itself cannot be enqueued: its arguments are not plain data, or too large.

    Trying again does not help. Pass a reference (an id, a path) rather than the thing itself.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class UnencodableMessage(MessageRejected, TypeError):  # noqa: N818 - see above
    """The message's arguments are not plain data. It is also the :class:`TypeError` that stock
    Dramatiq raises.
    """


class UnusableTime(MessageRejected, ValueError):  # noqa: N818 - see above
    """How long a message is to wait, or its token to be remembered, is no such number."""


class BulkEnqueueFailed(BrokerError):  # noqa: N818 - see above
    """Some messages of a bulk could not be enqueued.

    Attributes:
      enqueued: How many messages, from the start of the bulk, are in the queue for certain.
    """

    def __init__(self, message: str, *, enqueued: int) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]
        self.enqueued = enqueued


class AlreadyEnqueued(BrokerError):  # noqa: N818 - see above
    """Another message with the same unique key is on its way, and its actor wants this error.

    Attributes:
      message_id: Dramatiq's id of that message.
      redis_id: The id of its entry in Redis.
    """

    def __init__(self, message: str, *, message_id: str, redis_id: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]
        self.message_id = message_id
        self.redis_id = redis_id


class InvalidOption(MiddlewareError, ValueError):  # noqa: N818 - see above
    """An actor has an option that is something else than expected."""


class InvalidKey(MiddlewareError):  # noqa: N818 - see above
    """The unique key or the limit of a message cannot be made of its arguments."""


class EmbeddedServerError(Exception):
    """The embedded Valkey server could not be started, found or stopped."""


class UndecodablePayload(Exception):  # noqa: N818 - see above
    """The bytes in the queue are no message."""


class WorkersDied(Exception):  # noqa: N818 - see above
    """So many workers died while they ran a message that it is given up."""
