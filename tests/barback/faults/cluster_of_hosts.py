"""Make a cluster of servers on three hosts: ``python -m tests.barback.faults.cluster_of_hosts``.

Its arguments are the addresses of the hosts. On each runs a primary, and a replica of each of the
others. The first primary gets all slots but two, as those without any have no vote.
"""

from __future__ import annotations

import sys

import redis

from tests.support.polling import eventually

PORT, *REPLICA_PORTS = PORTS = [6379, 6380, 6381]
LAST_SLOT = 16_383


def main(addresses: list[str]) -> None:
    primaries = [redis.Redis(address, PORT) for address in addresses]
    servers = [redis.Redis(address, port) for address in addresses for port in PORTS]
    slots = [(0, LAST_SLOT - 2), (LAST_SLOT - 1,) * 2, (LAST_SLOT,) * 2]
    for number, server in enumerate(primaries):
        server.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots[number])
        server.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for server in servers:
        server.execute_command("CLUSTER", "MEET", addresses[0], PORT)
    eventually(lambda: all(_sees_all(server, len(servers)) for server in servers))
    for number, primary in enumerate(primaries):
        primary_id = primary.execute_command("CLUSTER", "MYID")
        for distance, port in enumerate(REPLICA_PORTS, start=1):
            replica = redis.Redis(addresses[(number + distance) % len(addresses)], port)
            replica.execute_command("CLUSTER", "REPLICATE", primary_id)
    for primary in primaries:
        eventually(lambda: primary.info("replication")["connected_slaves"] == 2)  # noqa: B023


def _sees_all(server: redis.Redis, count: int) -> bool:
    info = str(server.execute_command("CLUSTER", "INFO"))
    return "cluster_state:ok" in info and f"cluster_known_nodes:{count}" in info


if __name__ == "__main__":
    main(sys.argv[1:])
