"""Ports for the servers of tests that run at the same time."""

from __future__ import annotations

import itertools
import os

from examples.cluster import servers

#: How many a process of pytest-xdist has for itself.
_EACH = 1_000


def take_ports_of_our_own() -> None:
    """Have this process take ports of a range of its own: none that another process of pytest-xdist
    has found free, too, and is about to take.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = number * _EACH % len(servers.PORTS)
    servers.ports_to_try = itertools.cycle(servers.PORTS[first : first + _EACH])


def free_port() -> int:
    """A loopback port that nothing listens on."""
    [port] = servers.free_ports(1)
    return port
