"""What can go wrong between a program and its broker."""

from __future__ import annotations

from dramatiq.errors import ConnectionFailed


class BrokerUnavailable(ConnectionFailed):
    """Redis cannot take or give messages now: unreachable, too slow, loading, read-only or full.

    Nothing was enqueued, as far as this program can know. Try again later.
    """
