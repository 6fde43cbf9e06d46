"""A network between a system and its server: a TCP proxy that holds everything back for a while.

It runs as a process of its own, so that the harness and the proxy do not wait for each other.
"""

from __future__ import annotations

import asyncio
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from benchmarks.harness.machine import PROJECT_DIR


@contextmanager
def slow_network(url: str, one_way_seconds: float) -> Iterator[str]:
    """The URL of a server behind the network, until the end of the block."""
    server = urlsplit(url)
    upstream = (str(server.hostname), str(server.port or 6379))
    command = [sys.executable, "-m", __name__, *upstream, str(one_way_seconds)]
    with subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            credentials, at, _ = server.netloc.rpartition("@")
            netloc = f"{credentials}{at}127.0.0.1:{proxy.stdout.readline().strip()}"
            yield urlunsplit(server._replace(netloc=netloc))
        finally:
            proxy.kill()


async def _serve(host: str, port: int, one_way_seconds: float) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(
            _pass_on(reader, server_writer, one_way_seconds),
            _pass_on(server_reader, writer, one_way_seconds),
            return_exceptions=True,
        )

    proxy = await asyncio.start_server(connect, "127.0.0.1")
    print(proxy.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - for who started it
    await proxy.serve_forever()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    while piece := await reader.read(65_536):
        loop.call_later(seconds, writer.write, piece)
    loop.call_later(seconds, writer.close)


if __name__ == "__main__":
    # Unlike `epoll`, `select` can wait for less than a millisecond.
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
    ) as runner:
        runner.run(_serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
