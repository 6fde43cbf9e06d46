"""A network between one program and Redis that fails at a chosen step.

Unlike :class:`tests.support.proxy.Proxy` it works inside the connections of the program, so that a
test decides, command by command, what still reaches the server and what comes back.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    import socket

#: How long a program waits for an answer, in seconds: none is this late unless it was lost.
ANSWER_SECONDS = 10.0


class Fault(Enum):
    """What befalls a connection."""

    #: What the program sends is lost.
    LOST = "lost"
    #: What the program sends is held up, until :meth:`FlakyNetwork.deliver`.
    LATE = "late"
    #: The server does what it was asked, and the answer is lost.
    UNANSWERED = "unanswered"
    #: A wait is cut off. The server does not know it, and does what follows the wait for nobody.
    CUT = "cut"


PlannedFault = tuple[Fault, int] | None

#: Without it redis-py 8 reads its own version from disk for each connection.
_KNOWN_VERSION: dict[str, Any] = {}
with contextlib.suppress(ImportError):
    from redis.driver_info import DriverInfo

    _KNOWN_VERSION["driver_info"] = DriverInfo(lib_version="0")

_AT_SENDING = (Fault.LOST, Fault.LATE)


class FlakyNetwork:
    """The connections of one program.

    Parameters:
      url: The server.
    """

    def __init__(self, url: str) -> None:
        self.faults: Counter[Fault] = Counter()
        self.connections: set[FlakyConnection] = set()
        #: What reached the server too late, for a test that looks for ids in it.
        self.delivered = b""
        self._next: Fault | None = None
        self._skip = 0
        #: Sockets whose program believes that they are closed, and what is held up in them.
        self._adrift: list[tuple[socket.socket, bytes]] = []
        with redis.Redis.from_url(url) as plain:
            made = plain.connection_pool
        base = made.connection_class
        connection_class = type("FlakyConnection", (FlakyConnection, base), {"network": self})
        self._pool = redis.ConnectionPool(
            connection_class=connection_class,
            **{
                **made.connection_kwargs,
                "socket_timeout": ANSWER_SECONDS,
                "retry": Retry(NoBackoff(), 0),
                **_KNOWN_VERSION,
            },
        )

    def client(self) -> redis.Redis:
        """A client whose every connection is one of this network."""
        return redis.Redis(connection_pool=self._pool)

    def expect(self, fault: PlannedFault) -> None:
        """Have a fault happen at the next step that it can befall, or so many steps later."""
        if fault is not None:
            self._next, self._skip = fault

    def cut_all(self) -> None:
        """Cut all connections off, on the program's side alone."""
        for connection in list(self.connections):
            if connection._sock is not None:
                connection.cut_off()

    def deliver(self) -> None:
        """Let arrive what was held up. Its answers reach nobody."""
        held_up, self._adrift = self._adrift, []
        for sock, data in held_up:
            with contextlib.suppress(OSError):
                sock.sendall(data)
            self.delivered += data
            self._adrift.append((sock, b""))

    def end(self, *, tidily: bool) -> None:
        """The program dies: its kernel closes its connections or, untidily, nobody does."""
        self._next = None
        if not tidily:
            self.cut_all()
        for connection in list(self.connections):
            connection.disconnect()
        if tidily:
            self.close()

    def heal(self) -> None:
        """Let nothing more happen."""
        self._next = None

    def close(self) -> None:
        """Close what is adrift."""
        for sock, _ in self._adrift:
            sock.close()
        self._adrift.clear()

    def is_due(self, *faults: Fault) -> Fault | None:
        """The fault that happens now, if it is one of these."""
        fault = self._next
        if fault not in faults:
            return None
        if self._skip > 0:
            self._skip -= 1
            return None
        self._next = None
        self.faults[fault] += 1
        return fault

    def keep_adrift(self, sock: socket.socket, held_up: bytes) -> None:
        self._adrift.append((sock, held_up))


class FlakyConnection:
    """A mixin for a connection class of redis-py. Making a connection always succeeds."""

    network: FlakyNetwork
    _sock: Any
    _parser: Any
    _is_ready = False
    _is_cut_off = False

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._is_ready, self._is_cut_off = True, False
        self.network.connections.add(self)

    def disconnect(self, *args: Any, **kwargs: Any) -> None:
        self._is_ready = False
        self.network.connections.discard(self)
        super().disconnect(*args, **kwargs)  # type: ignore[misc]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002
        self._notice()
        fault = self.network.is_due(*_AT_SENDING) if self._is_ready else None
        if fault is Fault.LOST:
            self.disconnect()
        elif fault is Fault.LATE:
            chunks = [command] if isinstance(command, bytes | str) else command
            self.set_adrift(b"".join(_as_bytes(chunk) for chunk in chunks))
        if fault is not None:
            raise redis.ConnectionError(f"the command was {fault.value}")
        super().send_packed_command(command, check_health)  # type: ignore[misc]

    def can_read(self, timeout: float = 0) -> bool:
        if self._is_ready and self.network.is_due(Fault.CUT):
            self.cut_off()
        self._notice()
        return bool(super().can_read(timeout))  # type: ignore[misc]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        self._notice()
        fault = self.network.is_due(Fault.UNANSWERED) if self._is_ready else None
        answer = super().read_response(*args, **kwargs)  # type: ignore[misc]
        if fault is not None:
            self.disconnect()
            raise redis.ConnectionError("the answer was lost")
        return answer

    def cut_off(self) -> None:
        """Lose the socket without closing it; the program finds out when it uses it next."""
        self.set_adrift(b"")
        self._is_cut_off = True

    def _notice(self) -> None:
        if self._is_cut_off:
            self._is_cut_off = False
            raise redis.ConnectionError("the connection was cut off")

    def set_adrift(self, held_up: bytes) -> None:
        """Lose the socket without closing it."""
        sock, self._sock = self._sock, None
        self._parser.on_disconnect()
        self.network.keep_adrift(sock, held_up)
        self.disconnect()


def _as_bytes(chunk: bytes | str) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else chunk
