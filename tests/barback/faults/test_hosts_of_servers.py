"""Servers that watch each other, each on a host of its own, of which one vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback.embedded.binary import find_binary
from tests.barback.faults.cluster_of_hosts import PORT, PORTS
from tests.barback.faults.hosts import start_programs
from tests.support.network import Host, network
from tests.support.polling import eventually
from tests.support.sentinel import DOWN_AFTER_MS, SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_work_goes_on_when_the_host_of_the_primary_vanishes(
    kind: str, start: ProcessStarter, tmp_path: Path
) -> None:
    # Given three hosts with a server and a Sentinel each, or with servers of a cluster, and jobs
    # that a replica has confirmed
    names = ["server-a", "server-b", "server-c", "worker-a", "worker-b", "producer"]
    with network(*names) as hosts:
        servers, worker_hosts, producer = hosts[:3], hosts[3:5], hosts[5]
        start_servers = _start_sentinels if kind == "sentinel" else _start_cluster
        url = start_servers(servers, tmp_path, start)
        net = start_programs(
            url, worker_hosts, producer, start, tmp_path, FAULTS_CONFIRM="replicas:1"
        )
        net.wait_for_more(100)

        # When nothing is heard of the primary's host any more: no connection is closed or refused
        net.ledger.note_fault()
        servers[0].pull_the_cable()

        # Expect work to go on at another host, with nothing that was confirmed lost
        net.wait_for_more(100)
        print(f"longest pause {net.longest_gap_seconds():.1f} s")  # noqa: T201 - pytest -rP

        # And to go on when the host is back, which believes for a while that it is the primary
        servers[0].plug_it_in()
        net.wait_for_more(100)
        net.finish()


def _start_sentinels(hosts: list[Host], directory: Path, start: ProcessStarter) -> str:
    for host in hosts:
        following = [] if host is hosts[0] else ["--replicaof", hosts[0].address, "6379"]
        _start(host, directory / f"{host.name}-server", start, "", *following)
    for host in hosts:
        watching = (
            f"sentinel monitor {SERVICE} {hosts[0].address} 6379 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
            "port 26379\n"
        )
        _start(host, directory / f"{host.name}-sentinel", start, watching, "--sentinel")
    addresses = ",".join(f"{host.address}:26379" for host in hosts)
    url = f"redis+sentinel://{addresses}/{SERVICE}/0"
    program = (
        "import sys; from barback.connection.url import client_for; "
        "[state] = client_for(sys.argv[1], {}).connection_pool.sentinel_manager"
        ".sentinels[0].sentinel_masters().values(); "
        "sys.exit((state['num-slaves'], state['num-other-sentinels']) != (2, 2))"
    )
    ask = hosts[0].command("python", "-c", program, url)
    eventually(lambda: start.run(ask).exit_code == 0, timeout_seconds=40)
    return url


def _start_cluster(hosts: list[Host], directory: Path, start: ProcessStarter) -> str:
    options = f"cluster-enabled yes\ncluster-node-timeout {DOWN_AFTER_MS}\n"
    for host in hosts:
        for port in PORTS:
            place = directory / f"{host.name}-{port}"
            _start(host, place, start, f"port {port}\n{options}")
    addresses = [host.address for host in hosts]
    program = ["python", "-m", "tests.barback.faults.cluster_of_hosts", *addresses]
    made = start.run(hosts[0].command(*program))
    assert made.exit_code == 0, made.output
    return f"redis+cluster://{','.join(f'{address}:{PORT}' for address in addresses)}"


def _start(
    host: Host, directory: Path, start: ProcessStarter, configuration: str, *options: str
) -> None:
    directory.mkdir()
    file = directory / "server.conf"
    file.write_text(f"dir {directory}\nbind {host.address}\nprotected-mode no\n{configuration}")
    server = start(host.command(find_binary(), str(file), *options))
    server.wait_for_output("Sentinel ID" if "--sentinel" in options else "Ready to accept")
