"""Ports for the servers of tests that run at the same time."""

from __future__ import annotations

import itertools
import os
import secrets

from examples.cluster import servers

#: How many a process of pytest-xdist has for itself.
_EACH = 1_000


def take_ports_of_our_own() -> None:
    """Have this process take ports of a range of its own: none that another process of pytest-xdist
    has found free, too, and is about to take. It begins anywhere in it, as a run of another
    checkout has the same ranges.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = number * _EACH % len(servers.PORTS)
    middle = first + secrets.randbelow(_EACH)
    ports = [*servers.PORTS[middle : first + _EACH], *servers.PORTS[first:middle]]
    servers.ports_to_try = itertools.cycle(ports)


def free_port() -> int:
    """A loopback port that nothing listens on."""
    [port] = servers.free_ports(1)
    return port
