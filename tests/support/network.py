"""Hosts with addresses of their own, on this machine: network namespaces on a bridge."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: An address like this one exists in the namespaces alone.
SUBNET = "10.213.0"


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
    subprocess.run(command, check=True, capture_output=True, timeout=10)


@contextlib.contextmanager
def network(*names: str) -> Iterator[list[Host]]:
    """Hosts with these names; skip where namespaces may not be made."""
    _require_namespaces()
    with contextlib.ExitStack() as stack:
        hub = f"bar-{os.getpid()}-hub"
        _make_namespace(hub, stack)
        run("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", hub, "link", "set", "bridge", "up")
        yield [_connect(name, number, hub, stack) for number, name in enumerate(names, start=1)]


def _require_namespaces() -> None:
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip`; apt-get install iproute2")
    name = f"bar-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"network namespaces may not be made here: {made.stderr.strip()}")
    run("ip", "netns", "del", name)


def _make_namespace(name: str, stack: contextlib.ExitStack) -> None:
    run("ip", "netns", "add", name)
    stack.callback(run, "ip", "netns", "del", name)
    run("ip", "-n", name, "link", "set", "lo", "up")


def _connect(name: str, number: int, hub: str, stack: contextlib.ExitStack) -> Host:
    host = Host(f"bar-{os.getpid()}-{name}", hub, f"{SUBNET}.{number}")
    _make_namespace(host.name, stack)
    peer = ["peer", "name", "eth0", "netns", host.name]
    run("ip", "-n", hub, "link", "add", host.cable, "type", "veth", *peer)
    run("ip", "-n", hub, "link", "set", host.cable, "master", "bridge", "up")
    run("ip", "-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
    run("ip", "-n", host.name, "link", "set", "eth0", "up")
    return host
