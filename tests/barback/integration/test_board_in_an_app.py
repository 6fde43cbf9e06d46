"""An application that has the board mounted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from barback import RedisBroker
from barback.board import anybody, board
from tests.support.board import bury
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

#: More than an application has threads.
REQUESTS = 60


def hello(request: Request) -> PlainTextResponse:  # noqa: ARG001 - an endpoint, on a thread
    return PlainTextResponse("hello")


@pytest.mark.parametrize("tells_raw_path", [True, False])
def test_a_message_has_its_page_wherever_the_board_is_and_whatever_serves_it(
    redis_url: str, *, tells_raw_path: bool
) -> None:
    broker = RedisBroker(url=redis_url)
    bury(broker, "id 1/2")
    app = Starlette(routes=[Mount("/messages/board", board(broker, authorize=anybody))])

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        raw_path = scope["raw_path"] if tells_raw_path else None
        await app({**scope, "raw_path": raw_path}, receive, send)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(serve)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            return await web.get("/messages/board/queues/beer/messages/id%201%2F2?format=json")

    answer = anyio.run(ask)
    broker.close()

    assert answer.status_code == 200
    assert answer.json()["message"]["id"] == "id 1/2"


@pytest.mark.parametrize("page", ["/", "/dead/export", "/healthz", "/metrics", "/schedules"])
def test_it_goes_on_while_the_broker_does_not_answer(redis_url: str, page: str) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as web,
            anyio.create_task_group() as tasks,
        ):
            statuses: list[int] = []

            async def look() -> None:
                statuses.append((await web.get(f"/board{page}")).status_code)

            # Given a broker that does not answer, and many who look at the board
            assert (await web.get("/board/schedules")).status_code == 200
            proxy.stall()
            for _ in range(REQUESTS):
                tasks.start_soon(look)
            await anyio.wait_all_tasks_blocked()
            # Expect the application to answer, and not to wait for the board
            with anyio.fail_after(30):
                assert (await web.get("/hello")).text == "hello"
            assert statuses == []
            proxy.flow()
        assert statuses == [200] * REQUESTS

    with Proxy(redis_url) as proxy:
        broker = RedisBroker(url=proxy.url, socket_timeout=30)
        app = Starlette(
            routes=[
                Route("/hello", hello),
                Mount("/board", board(broker, authorize=anybody)),
            ]
        )
        anyio.run(ask)
        broker.close()
