"""Connections that are too many, silent or slow, at whatever is served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from barback import serving
from barback.serving import GuardedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

#: Long enough for this process, busy as it may be, to do the next thing in time.
TIMEOUT_SECONDS = 1.0
DEADLINE_SECONDS = 30

GET = b"GET / HTTP/1.1\r\nHost: bar\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: bar\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: bar\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_TIMEOUT_SECONDS", TIMEOUT_SECONDS)
    monkeypatch.setattr(serving, "READ_TIMEOUT_SECONDS", TIMEOUT_SECONDS)


def answering(body: bytes = b"Cheers!") -> ASGIApp:
    """Answers when it has read the whole request."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@dataclass
class Client:
    """A connection to the server under test."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), DEADLINE_SECONDS) == b""
        except ConnectionError:
            return True

    async def is_answered(self) -> bool:
        self.send(GET)
        try:
            answer = self.reader.readuntil(b"Cheers!")
            return (await asyncio.wait_for(answer, DEADLINE_SECONDS)).startswith(b"HTTP/1.1 200")
        except (ConnectionError, asyncio.IncompleteReadError):
            return False

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def running_server(
    app: ASGIApp = answering(),  # noqa: B008 - it keeps nothing
) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """A server; yields what connects to it from an address of this machine."""
    config = Config(app, http=GuardedProtocol, log_config=None, lifespan="off")
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: GuardedProtocol(config, state, {}), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with contextlib.AsyncExitStack() as stack:

        async def connect(source: str = "127.0.0.1", window_bytes: int = 65_536) -> Client:
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
            connection.settimeout(0)
            connection.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            client = Client(*await asyncio.open_connection(sock=connection))
            stack.push_async_callback(client.close)
            return client

        yield connect
    server.close()
    while state.connections:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)


async def wait_for_connections(*, are_there: bool) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while bool(serving._open_connections) is not are_there:  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("beginning", [b"", GET[:-2], POST, POST + b"beer"])
def test_a_request_that_does_not_come_to_its_end_is_not_waited_for(beginning: bytes) -> None:
    async def check() -> None:
        async with running_server() as connect:
            client = await connect()
            client.send(beginning)
            assert await client.is_closed()

    asyncio.run(check())


def test_a_byte_now_and_then_does_not_buy_time() -> None:
    async def drip(client: Client) -> None:
        while True:
            client.send(b"X")
            await asyncio.sleep(TIMEOUT_SECONDS / 10)

    async def check() -> None:
        async with running_server() as connect:
            client = await connect()
            client.send(GET[:-2])
            dripping = asyncio.create_task(drip(client))
            assert await client.is_closed()
            dripping.cancel()

    asyncio.run(check())


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def check() -> None:
        async with running_server() as connect:
            client = await connect()
            assert await client.is_answered()
            await asyncio.sleep(2 * TIMEOUT_SECONDS)  # the time for a request has not begun
            assert await client.is_answered()

    asyncio.run(check())


def test_one_network_cannot_take_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> None:
        async with running_server() as connect:
            # Given a network that holds all that it may have
            for _ in range(10):
                assert await (await connect("127.0.0.2")).is_answered()
            # When it wants one more
            assert not await (await connect("127.0.0.2")).is_answered()
            # Expect others to be served all the same, up to the limit of all
            for number in range(3, 33):
                assert await (await connect(f"127.0.0.{number}")).is_answered()
            assert not await (await connect("127.0.0.40")).is_answered()

    monkeypatch.setattr(GuardedProtocol, "max_connections", 40)
    monkeypatch.setattr(GuardedProtocol, "network_share", 0.25)
    monkeypatch.setattr(serving, "REQUEST_TIMEOUT_SECONDS", 60)
    asyncio.run(check())
    assert not serving._open_connections


def test_a_client_that_reads_nothing_is_not_waited_for() -> None:
    async def check() -> None:
        async with running_server(answering(bytes(10_000_000))) as connect:
            # Given a client that takes next to nothing of what it has asked for
            client = await connect(window_bytes=1)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET)
            # Expect the server to give it up, and nothing to be left of it
            await wait_for_connections(are_there=True)
            await wait_for_connections(are_there=False)

    asyncio.run(check())


def test_a_client_that_reads_slowly_gets_everything() -> None:
    size_bytes = 5_000_000

    async def check() -> None:
        async with running_server(answering(bytes(size_bytes))) as connect:
            client = await connect()
            client.send(GET)
            await client.reader.readuntil(b"\r\n\r\n")
            left = size_bytes
            while left:
                left -= len(await client.reader.readexactly(min(left, 500_000)))
                await asyncio.sleep(TIMEOUT_SECONDS / 10)

    asyncio.run(check())


def test_a_body_that_cannot_be_read_is_no_failure_of_the_application(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def at_once(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - reads nothing
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"There is nothing here."})

    async def check() -> None:
        async with running_server(at_once) as connect:
            client = await connect()
            client.send(CHUNKED + b"beer\r\n")
            assert await client.reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
            await wait_for_connections(are_there=False)

    asyncio.run(check())
    assert "Traceback" not in caplog.text
