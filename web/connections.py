"""Limits on connections, which uvicorn does not have: their number, and the time for a request.

Without them a thousand silent connections use up the process's files, and then nobody gets in.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from settings import settings
from web.networks import network
from web.rare_log import warn_rarely

#: How long a client may take for the head and the body of a request, in seconds.
REQUEST_TIMEOUT_SECONDS = 15.0

#: One network gets this share of all connections, unless it is a proxy that we trust.
NETWORK_SHARE = 0.25

#: Files that are no connections: the database, the broker, logs, modules.
OTHER_FILES = 256

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_logger = logging.getLogger("bar.web")
_open_connections: Counter[str] = Counter()


class GuardedProtocol(H11Protocol):
    """Closes connections that are too many, and those that do not get on with their request."""

    _network = ""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._network = network(self.client[0] if self.client else "")
        _open_connections[self._network] += 1
        if self._is_one_too_many():
            transport.abort()
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        _open_connections[self._network] -= 1
        if not _open_connections[self._network]:
            del _open_connections[self._network]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            self._set_deadline()
        else:
            self._clear_deadline()

    def _is_one_too_many(self) -> bool:
        share = 1.0 if settings.trusted_proxies else NETWORK_SHARE
        return (
            len(self.connections) > settings.max_connections
            or _open_connections[self._network] > settings.max_connections * share
        )

    def _set_deadline(self) -> None:
        # Not anew for each byte: a client could send one from time to time.
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT_SECONDS, self.transport.abort)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def allow_files() -> None:
    """Raise the limit on open files as far as MAX_CONNECTIONS needs, or as the system lets us."""
    wanted = settings.max_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _logger.warning(
            "The system allows %d open files, which is too few for MAX_CONNECTIONS=%d.",
            allowed,
            settings.max_connections,
        )


def keep_accept_errors_short(loop: asyncio.AbstractEventLoop) -> None:
    """Log once a minute that connections cannot be accepted; asyncio says it for each of them."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            warn_rarely("Connections cannot be accepted: %s.", error.strerror)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
