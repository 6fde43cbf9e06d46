"""Where the website listens, or one line about why it cannot."""

from __future__ import annotations

import errno
import socket

import click

#: How many connections may wait to be accepted.
BACKLOG = 2048


def listen(
    host: str, port: int, *, settings: tuple[str, ...] = ("WEB_HOST", "WEB_PORT")
) -> socket.socket:
    """Begin to listen.

    Parameters:
      host: A name or an address.
      port: From 1 to 65535.
      settings: Where they can be changed, the port's last.

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
                f"port: {settings[-1]}={port + 1}"
            ) from None
        raise click.ClickException(
            f"cannot listen on {host}, port {port}: {error.strerror}. "
            f"Check {' and '.join(settings)}."
        ) from None


def require_free_port(host: str, port: int, *settings: str) -> None:
    """Check that somebody can listen, before anything is started; raises as :func:`listen`."""
    listen(host, port, settings=settings).close()
