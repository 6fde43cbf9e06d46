"""Ends the embedded server when its directory is gone, such as with a deleted checkout.

A program of its own that imports nothing but the standard library's smallest: it lives as long as
the server does. It keeps one connection open, which ends with the server, and so does the program.

Usage: python watch.py SOCKET_PATH DIRECTORY
"""

from __future__ import annotations

import os
import socket
import sys

#: How often it looks for the directory, in seconds.
LOOK_SECONDS = 2.0


def watch(socket_path: str, directory: str) -> None:
    """Wait, in a process of its own, until the server has ended or its directory is gone; then end
    the server. What is done to either once this returns is noticed.
    """
    watched = _identity(directory)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.connect(socket_path)
        if os.fork() == 0:  # its starter goes on at once
            os.setsid()
            os.chdir("/")
            _watch(server, directory, watched)


def _watch(server: socket.socket, directory: str, watched: tuple[int, int] | None) -> None:
    server.sendall(b"CLIENT SETNAME embedded-server-watch\r\n")
    server.settimeout(LOOK_SECONDS)
    while _identity(directory) == watched:
        try:
            if not server.recv(512):
                return
        except TimeoutError:
            pass
    # Its files may be elsewhere now, with the directory: they are written to the end.
    server.sendall(b"SHUTDOWN NOW FORCE\r\n")
    server.settimeout(None)
    while server.recv(512):
        pass


def _identity(directory: str) -> tuple[int, int] | None:
    try:
        found = os.stat(directory)  # noqa: PTH116 - pathlib is slow to import
    except OSError:
        return None
    return found.st_dev, found.st_ino


if __name__ == "__main__":
    watch(*sys.argv[1:])
