"""Where the website listens, or one line about why it cannot."""

from __future__ import annotations

import errno
import socket

import click

#: How many connections may wait to be accepted.
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Begin to listen.

    Parameters:
      host: WEB_HOST, a name or an address.
      port: WEB_PORT.

    Raises:
      click.ClickException: When that cannot be, with the reason and the fix.
    """
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"port {port} on {host} is taken. Stop the program that uses it, or choose another "
                f"port: WEB_PORT={port + 1}"
            ) from None
        raise click.ClickException(
            f"the website cannot listen on {host}, port {port}: {error.strerror}. Check WEB_HOST "
            "and WEB_PORT."
        ) from None


def require_free_port(host: str, port: int) -> None:
    """Check that the website can listen, before anything else is started; raises as
    :func:`listen`.
    """
    listen(host, port).close()
