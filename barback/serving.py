"""Serves an ASGI application, with the limits on connections that uvicorn does not have: their
number, and the time for a request and for reading its answer.

Without them a thousand silent connections use up the process's files, and then nobody gets in.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import resource
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp

#: How long a client may take for the head and the body of a request, in seconds.
REQUEST_TIMEOUT_SECONDS = 15.0

#: How long a client may take to read the answer, or the next so many bytes of it, in seconds.
READ_TIMEOUT_SECONDS = 60.0
READ_BYTES = 16_384

#: Files that are no connections: the database, the broker, logs, modules.
OTHER_FILES = 256

#: Whoever has one IPv6 address has all of this network.
IPV6_PREFIX_LENGTH = 64

#: How often it is logged that connections cannot be accepted, in seconds.
_LOG_INTERVAL_SECONDS = 60.0

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_logger = logging.getLogger(__name__)
_open_connections: Counter[str] = Counter()


class GuardedProtocol(H11Protocol):
    """Closes connections that are too many, and those that do not get on with their request or
    with reading the answer.
    """

    #: How many connections are kept open, and which share of them one network gets.
    max_connections = 1_000
    network_share = 1.0

    _network = ""
    _request_deadline: asyncio.TimerHandle | None = None
    _read_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # hear of all that is not read
        self._network = network(self.client[0] if self.client else "")
        _open_connections[self._network] += 1
        if self._is_one_too_many():
            transport.abort()
        else:
            self._set_request_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_request_deadline()
        self._clear_read_deadline()
        _open_connections[self._network] -= 1
        if not _open_connections[self._network]:
            del _open_connections[self._network]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            self._set_request_deadline()
        else:
            self._clear_request_deadline()

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # whatever the application answers, it comes too late
        super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_read_deadline()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._clear_read_deadline()

    def _is_one_too_many(self) -> bool:
        return (
            len(self.connections) > self.max_connections
            or _open_connections[self._network] > self.max_connections * self.network_share
        )

    def _set_request_deadline(self) -> None:
        # Not anew for each byte: a client could send one from time to time.
        if self._request_deadline is None:
            self._request_deadline = self.loop.call_later(
                REQUEST_TIMEOUT_SECONDS, self.transport.abort
            )

    def _clear_request_deadline(self) -> None:
        if self._request_deadline is not None:
            self._request_deadline.cancel()
            self._request_deadline = None

    def _set_read_deadline(self) -> None:
        unread_bytes = self.transport.get_write_buffer_size()
        self._read_deadline = self.loop.call_later(
            READ_TIMEOUT_SECONDS, self._check_reading, unread_bytes
        )

    def _check_reading(self, unread_bytes: int) -> None:
        if self.transport.get_write_buffer_size() > unread_bytes - READ_BYTES:
            self.transport.abort()
        else:
            self._set_read_deadline()

    def _clear_read_deadline(self) -> None:
        if self._read_deadline is not None:
            self._read_deadline.cancel()
            self._read_deadline = None


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        _keep_accept_errors_short(asyncio.get_running_loop())
        await super().startup(sockets)


def serve(
    app: ASGIApp | Callable[[], ASGIApp],
    listener: socket.socket,
    *,
    protocol: type[GuardedProtocol] = GuardedProtocol,
    shutdown_seconds: int,
    **options: Any,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters:
      app: The application.
      listener: Where it listens.
      protocol: Has the limits.
      shutdown_seconds: How long open streams may hold up the end, in seconds.
      **options: More of what ``uvicorn.Config`` takes.
    """
    _allow_files(protocol.max_connections)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # a stranger could fill the log
    logging.getLogger("uvicorn.error").addFilter(_is_no_end_of_a_stream)
    # uvicorn ends in good order and then signals itself once more; that is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",  # another protocol would not count its connections, and we have none
        timeout_graceful_shutdown=shutdown_seconds,
        server_header=False,
        log_config=None,
        access_log=False,
        **options,
    )
    _Server(config).run(sockets=[listener])


def _is_no_end_of_a_stream(record: logging.LogRecord) -> bool:
    """Whether uvicorn has more to say than that it ended with the pages open that it ends with."""
    error = record.exc_info[1] if record.exc_info else None
    is_about_the_end = "graceful shutdown exceeded" in record.getMessage()
    return not (is_about_the_end or isinstance(error, asyncio.CancelledError))


def network(host: str) -> str:
    """The IPv4 address or the IPv6 network that an address belongs to."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a Unix socket, or a proxy that says something odd
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_LENGTH), strict=False))


def _allow_files(max_connections: int) -> None:
    """Raise the limit on open files as far as is needed, or as the system lets us."""
    wanted = max_connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _logger.warning(
            "The system allows %d open files, which is too few for %d connections.",
            allowed,
            max_connections,
        )


def _keep_accept_errors_short(loop: asyncio.AbstractEventLoop) -> None:
    """Log once a minute that connections cannot be accepted; asyncio says it for each of them."""
    next_at = 0.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal next_at
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _OUT_OF_FILES):
            loop.default_exception_handler(context)
        elif loop.time() >= next_at:
            next_at = loop.time() + _LOG_INTERVAL_SECONDS
            _logger.warning("Connections cannot be accepted: %s.", error.strerror)

    loop.set_exception_handler(handle)
