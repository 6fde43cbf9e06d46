"""A network between a program and Redis, which a test can break."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from typing import Self
from urllib.parse import urlsplit

_CHUNK_BYTES = 65536

#: An abrupt end: the other side gets a reset instead of a goodbye.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """A TCP proxy on the loopback interface, for as long as its ``with`` block.

    Parameters:
      redis_url: The server behind it.
    """

    def __init__(self, redis_url: str) -> None:
        self._server = urlsplit(redis_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._kept: list[socket.socket] = []
        self._lock = threading.Lock()
        self._is_running = True
        self._is_stalled = False
        self._is_closed = False
        #: How many connections were made since the last cut.
        self.new_connections = 0
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._listener.getsockname()[:2]
        password = f":{self._server.password}@" if self._server.password else ""
        path = "" if self._server.scheme == "unix" else self._server.path
        return f"redis://{password}{host}:{port}{path}"

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_running = False
        self._thread.join(5)
        for each in [self._listener, *self._peers, *self._kept]:
            each.close()
        self._selector.close()

    def close(self) -> None:
        """Reset all connections, on both sides, and let nobody in."""
        with self._lock:
            self._is_closed = True
            self._reset(list(self._peers))

    def open(self) -> None:
        """Let everybody in again."""
        with self._lock:
            self._is_closed = False
            self.new_connections = 0

    def cut_clients(self) -> None:
        """Reset the clients' connections; the server's side stays, as when a reset was lost."""
        with self._lock:
            self.new_connections = 0
            self._keep([self._peers[client] for client in self._clients])
            self._reset(list(self._clients))

    def forget_connections(self) -> None:
        """Deliver nothing more on today's connections, and tell nobody; new ones work."""
        with self._lock:
            self._keep(list(self._peers))

    def stall(self) -> None:
        """Deliver nothing, to anybody, until :meth:`flow`."""
        with self._lock:
            self._is_stalled = True

    def flow(self) -> None:
        """Deliver again, what has been held up first."""
        with self._lock:
            self._is_stalled = False

    def _run(self) -> None:
        while self._is_running:
            ready = self._selector.select(timeout=0.02)
            with self._lock:
                if self._is_stalled:
                    continue
                for key, _ in ready:
                    self._serve(key.fileobj)  # type: ignore[arg-type]

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            self._accept()
        elif ready in self._peers:
            self._forward(ready)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._is_closed:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            return
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        self.new_connections += 1
        self._clients.add(client)
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _connect(self) -> socket.socket:
        if self._server.scheme == "unix":
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server.path)
            except OSError:
                server.close()
                raise
            return server
        return socket.create_connection((self._server.hostname, self._server.port or 6379), 5)

    def _forward(self, source: socket.socket) -> None:
        target = self._peers[source]
        try:
            data = source.recv(_CHUNK_BYTES)
            if data:
                target.sendall(data)
                return
        except OSError:
            pass
        self._release([source, target])
        source.close()
        target.close()

    def _reset(self, ends: list[socket.socket]) -> None:
        self._release(ends)
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()

    def _keep(self, ends: list[socket.socket]) -> None:
        """Leave connections open, and never look at them again."""
        self._release(ends)
        self._kept += ends

    def _release(self, ends: list[socket.socket]) -> None:
        for end in ends:
            if self._peers.pop(end, None) is not None:
                self._selector.unregister(end)
            self._clients.discard(end)
