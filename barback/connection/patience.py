"""How long connections are waited for, and how often they are tried."""

from __future__ import annotations

import socket
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

#: How long to wait for a connection and for an answer, in seconds, unless the caller says. Without
#: them a program would wait for ever for a host that has vanished.
DEFAULT_CONNECT_TIMEOUT_SECONDS = 5
DEFAULT_TIMEOUT_SECONDS = 5

#: The same for a connection where another server may take over: who waits long for one that has
#: vanished follows late.
CONNECT_TIMEOUT_WITH_OTHERS_SECONDS = 2

#: After how many milliseconds a connection breaks whose other host confirms no packet. One that is
#: only slow does, so this may be shorter than the time-outs above; it is how fast everybody notices
#: that a host has vanished, and asks where the primary is now.
VANISHED_AFTER_MS = 2_000

#: After how many seconds without a word an idle connection asks whether the other host exists, and
#: how many seconds later again.
KEEPALIVE_SECONDS = 10

#: How often, and with which pauses in seconds, a connection is tried before it counts as failed.
CONNECT_RETRIES = 2
CONNECT_BACKOFF_SECONDS = 0.05
MAX_CONNECT_BACKOFF_SECONDS = 0.5

_KEEPALIVE: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in {
            "TCP_KEEPIDLE": KEEPALIVE_SECONDS,
            "TCP_KEEPINTVL": KEEPALIVE_SECONDS,
            "TCP_USER_TIMEOUT": VANISHED_AFTER_MS,  # Linux alone has it
        }.items()
        if hasattr(socket, name)
    },
}


def connection_parameters(parameters: dict[str, Any], *, over_tcp: bool = True) -> dict[str, Any]:
    """Connection parameters, completed by the defaults of this module."""
    return {
        "socket_timeout": DEFAULT_TIMEOUT_SECONDS,
        "socket_connect_timeout": DEFAULT_CONNECT_TIMEOUT_SECONDS,
        "retry": _retry(),
        **(_KEEPALIVE if over_tcp else {}),
        **parameters,
    }


def impatient(retry: Retry | None) -> Retry | None:
    """How the broker itself tries again. It does not ask a server again that says nothing: a worker
    that is told to stop would wait three times as long. What somebody chose stays.
    """
    return _retry((redis.ConnectionError,)) if retry == _retry() else retry


def _retry(*errors: tuple[type[Exception], ...]) -> Retry:
    backoff = ExponentialWithJitterBackoff(
        base=CONNECT_BACKOFF_SECONDS, cap=MAX_CONNECT_BACKOFF_SECONDS
    )
    return Retry(backoff, CONNECT_RETRIES, *errors)
