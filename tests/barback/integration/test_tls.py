"""Servers that speak TLS alone and want a password, by URL alone."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import dramatiq
import pytest
import redis
import trustme

from barback import RedisBroker
from barback.errors import BrokerUnavailable
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PASSWORD = "pass-word"  # noqa: S105
#: The Sentinel has a password of its own.
SENTINEL_PASSWORD = "other-word"  # noqa: S105


class Servers:
    """Debian's Redis, as the embedded Valkey knows no TLS.

    Parameters:
      directory: Where the certificates are, and what the servers write.
      stack: Ends them.
    """

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        self._program = require_program("redis-server", install="apt-get install redis-server")
        self._directory = directory
        self._stack = stack
        self.ca = directory / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca))
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
            str(directory / "server.pem")
        )

    def start(self, *lines: str, password: str = PASSWORD, flags: tuple[str, ...] = ()) -> int:
        """Start one; tells its port."""
        port = free_port()
        directory = self._directory / str(port)
        directory.mkdir()
        pem = self._directory / "server.pem"
        config = directory / "redis.conf"
        config.write_text(
            f"port 0\ntls-port {port}\ntls-cert-file {pem}\ntls-key-file {pem}\n"
            f"tls-ca-cert-file {self.ca}\ntls-auth-clients no\ntls-replication yes\n"
            f"dir {directory}\nlogfile server.log\nrequirepass {password}\n" + "\n".join(lines)
        )
        process = subprocess.Popen([self._program, str(config), *flags])
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.kill)
        eventually(lambda: self.call(port, "PING", password=password))
        return port

    def call(self, port: int, *command: str, password: str = PASSWORD) -> object:
        options = {"ssl": True, "ssl_ca_certs": str(self.ca), "password": password}
        with redis.Redis(port=port, host="127.0.0.1", **options) as client:  # type: ignore[arg-type]
            try:
                return client.execute_command(*command)
            except redis.ConnectionError:
                return None


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        yield Servers(tmp_path, stack)


def start_cluster(servers: Servers) -> str:
    bus_port = free_port()
    port = servers.start("cluster-enabled yes", "tls-cluster yes", f"cluster-port {bus_port}")
    servers.call(port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    eventually(lambda: "cluster_state:ok" in str(servers.call(port, "CLUSTER", "INFO")))
    return f"rediss+cluster://:{PASSWORD}@127.0.0.1:{port}?"


def start_sentinel(servers: Servers) -> str:
    primary = servers.start()
    sentinel = servers.start(
        f"sentinel monitor bar 127.0.0.1 {primary} 1",
        f"sentinel auth-pass bar {PASSWORD}",
        password=SENTINEL_PASSWORD,
        flags=("--sentinel",),
    )
    options = f"sentinel_password={SENTINEL_PASSWORD}&"
    return f"rediss+sentinel://:{PASSWORD}@127.0.0.1:{sentinel}/bar/0?{options}"


@pytest.mark.parametrize("kind", [start_cluster, start_sentinel])
def test_a_url_is_enough(kind: object, servers: Servers) -> None:
    url = kind(servers)  # type: ignore[operator]
    message: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})

    # Expect a message to be taken with the right certificates and passwords
    with contextlib.closing(RedisBroker(url=f"{url}ssl_ca_certs={servers.ca}")) as broker:
        broker.enqueue(message)
        assert broker.queue_length("beer") == 1

    # And nothing to be sent to somebody who might be anybody
    with pytest.raises(BrokerUnavailable, match="certificate verify failed"):
        RedisBroker(url=url.rstrip("?&")).enqueue(message)
