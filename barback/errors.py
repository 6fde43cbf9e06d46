"""What can go wrong between a program and its broker."""

from __future__ import annotations

from dramatiq.errors import BrokerError, ConnectionFailed


class BrokerUnavailable(ConnectionFailed):
    """Redis cannot take messages now: unreachable, too slow, loading, read-only or full.

    As far as this program can know, nothing was enqueued. Try again later.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class UnsuitableServer(ConnectionFailed):
    """The server answers, but messages would not be safe on it: it is too old or evicts keys."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class MessageRejected(BrokerError):  # noqa: N818 - dramatiq's errors have no suffix
    """The message itself cannot be enqueued: its arguments are not plain data, or too large.

    Trying again does not help. Pass a reference (an id, a path) rather than the thing itself.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class BulkEnqueueFailed(BrokerError):  # noqa: N818 - see above
    """Some messages of a bulk could not be enqueued.

    Attributes:
      enqueued: How many messages, from the start of the bulk, are in the queue for certain.
    """

    def __init__(self, message: str, *, enqueued: int) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]
        self.enqueued = enqueued
