"""A server with one answer, whatever it is asked: a stranger to Redis, or one that is too old."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class AnsweringServer(socketserver.ThreadingTCPServer):
    """Answers all that arrives on a connection with `answer`, or stays silent without one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer = answer
        #: How many have connected.
        self.connections = 0

    @property
    def url(self) -> str:
        return f"redis://:secret@127.0.0.1:{self.server_address[1]}/0"


class _Connection(socketserver.BaseRequestHandler):
    server: AnsweringServer

    def handle(self) -> None:
        self.server.connections += 1
        with contextlib.suppress(OSError):
            while self.request.recv(65_536):
                if self.server.answer:
                    self.request.sendall(self.server.answer)


@contextlib.contextmanager
def answering_server(answer: bytes) -> Iterator[AnsweringServer]:
    """Run such a server for a while."""
    with AnsweringServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
