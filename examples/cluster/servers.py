"""Valkey servers on this machine, from the wheel, each with a directory and a port of its own."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from barback.embedded.binary import find_binary
from barback.embedded.probe import wait_until
from barback.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


#: How long servers may take for whatever they are waited for, in seconds.
PATIENCE_SECONDS = 20.0


#: Below the ports that systems give to clients' connections: one of those could take a port
#: before the server does.
PORTS = range(20_000, 32_000)

#: The ports to try, one after the other, so that none comes twice before its server has taken it.
#: It begins anywhere, for other programs may do the same.
_first = random.randrange(len(PORTS))  # noqa: S311 - no secret
ports_to_try = itertools.cycle([*PORTS[_first:], *PORTS[:_first]])


@dataclass
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def call(self, *command: Any) -> Any:
        """Ask this server."""
        with redis.Redis(port=self.port, socket_timeout=20, decode_responses=True) as client:
            return client.execute_command(*command)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def answers(self) -> bool:
        """Whether it accepts connections by now."""
        try:
            return bool(self.call("PING"))
        except redis.ConnectionError:
            return False

    def is_replicating(self) -> bool:
        """Whether this replica is in step with its primary."""
        info: dict[str, Any] = self.call("INFO", "replication")
        return info.get("master_link_status") == "up"

    def start_again(self) -> None:
        """Start it after it was killed, with what it has on disk."""
        self.process = subprocess.Popen(self.process.args)
        wait_for(self.answers, f"no answer of {self.address}")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do nothing for a while."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash of its machine would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def start_server(
    directory: Path, stack: contextlib.ExitStack, *flags: str, options: Mapping[str, Any]
) -> Server:
    """Start a server in a directory of its own; the stack ends it.

    Parameters:
      directory: Made by this function.
      stack: Ends the server.
      *flags: Flags of the program.
      options: Lines of its configuration; a key may be repeated by a list of values.

    Raises:
      EmbeddedServerError: When it does not come up.
    """
    directory.mkdir(parents=True)
    (port,) = free_ports(1)
    settings = {"port": port, "dir": directory, "logfile": "server.log", **options}
    lines = [
        f"{name} {value}\n"
        for name, values in settings.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    config = directory / "server.conf"
    config.write_text("".join(lines))
    server = Server(port, subprocess.Popen([find_binary(), str(config), *flags]))
    stack.callback(server.kill)
    wait_for(lambda: server.answers() or not server.is_alive(), f"no answer of {server.address}")
    if not server.is_alive():
        log = (directory / "server.log").read_text()
        raise EmbeddedServerError(f"a server did not start:\n{log}")
    return server


def wait_for(condition: Callable[[], bool], complaint: str) -> None:
    """Wait until a condition is true.

    Raises:
      EmbeddedServerError: When it does not come true in time.
    """
    if not wait_until(condition, PATIENCE_SECONDS):
        raise EmbeddedServerError(f"{complaint} after {PATIENCE_SECONDS:.0f} s")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listens on."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < count:
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # taken
                probe.bind(("127.0.0.1", next(ports_to_try)))
                ports.append(int(probe.getsockname()[1]))
    return ports
