"""Hosts with addresses of their own, on this machine: network namespaces on a bridge."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: An address like this one exists in the namespaces alone.
SUBNET = "10.213.0"


@dataclass(frozen=True)
class Cable:
    """What a cable does to packets, each way.

    Parameters:
      delay_seconds: How long they are under way.
      loss: Which part of them is lost, 0 to 1.
    """

    delay_seconds: float = 0.0
    loss: float = 0.0


@dataclass(frozen=True)
class Host:
    """A host of the network.

    Parameters:
      name: Its namespace.
      hub: The namespace of the bridge, to which its cable leads.
      address: Its address.
    """

    name: str
    hub: str
    address: str

    @property
    def cable(self) -> str:
        """The end of its cable at the bridge."""
        return self.name[-15:]  # no interface may have a longer name

    def command(self, *command: str) -> Sequence[str]:
        """The command that runs a program on this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def pull_the_cable(self) -> None:
        """From now on packets vanish: nobody is told, no connection is reset."""
        run("ip", "-n", self.hub, "link", "set", self.cable, "down")

    def plug_it_in(self) -> None:
        run("ip", "-n", self.hub, "link", "set", self.cable, "up")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def network(*names: str, cables: Mapping[str, Cable] | None = None) -> Iterator[list[Host]]:
    """Hosts with these names; skip where namespaces may not be made.

    Parameters:
      *names: The names.
      cables: Which of them have a cable that is not perfect.
    """
    _require_namespaces()
    with contextlib.ExitStack() as stack:
        hub = _unique("hub")
        _make_namespace(hub, stack)
        run("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", hub, "link", "set", "bridge", "up")
        hosts = [Host(_unique(name), hub, f"{SUBNET}.{n}") for n, name in enumerate(names, start=1)]
        for name, host in zip(names, hosts, strict=True):
            _connect(host, (cables or {}).get(name), stack)
        yield hosts


def _require_namespaces() -> None:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip`; apt-get install iproute2")
    name = _unique("try")
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"network namespaces may not be made here: {made.stderr.strip()}")
    run("ip", "netns", "del", name)


def _make_namespace(name: str, stack: contextlib.ExitStack) -> None:
    run("ip", "netns", "add", name)
    stack.callback(run, "ip", "netns", "del", name)
    run("ip", "-n", name, "link", "set", "lo", "up")


def _unique(name: str) -> str:
    return f"bar-{os.getpid()}-{name}"


def _connect(host: Host, cable: Cable | None, stack: contextlib.ExitStack) -> None:
    _make_namespace(host.name, stack)
    if cable is None:
        peer = ["peer", "name", "eth0", "netns", host.name]
        run("ip", "-n", host.hub, "link", "add", host.cable, "type", "veth", *peer)
    else:
        _lay(cable, host, stack)
    run("ip", "-n", host.hub, "link", "set", host.cable, "master", "bridge", "up")
    run("ip", "-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
    run("ip", "-n", host.name, "link", "set", "eth0", "up")


def _lay(cable: Cable, host: Host, stack: contextlib.ExitStack) -> None:
    """Both ends are made at the bridge, where the process is that carries frames; one moves."""
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("there is no /dev/net/tun to make a cable with")
    enter = ["ip", "netns", "exec", host.hub, sys.executable, "-m", "tests.support.wire"]
    ends = [host.cable, "other-end"]
    wire = subprocess.Popen(
        [*enter, *ends, str(cable.delay_seconds), str(cable.loss)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    stack.callback(_end, wire)
    assert wire.stdout is not None
    assert wire.stdout.readline() == b"ready\n"
    run("ip", "-n", host.hub, "link", "set", "other-end", "netns", host.name, "name", "eth0")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate(timeout=60)
