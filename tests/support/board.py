"""A board, and what a test asks it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import anyio
import dramatiq
import httpx

from barback.board import anybody, board
from barback.messages.codec import encode_fields

if TYPE_CHECKING:
    from barback import RedisBroker


class BoardClient:
    """Asks a board over HTTP, in this process.

    Parameters:
      broker: Of which broker.
      **options: For :func:`barback.board.board`.
    """

    def __init__(self, broker: RedisBroker, **options: Any) -> None:
        self.app = board(broker, **{"authorize": anybody, **options})

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def json(self, path: str) -> Any:
        answer = self.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:9191", timeout=30
            ) as client:
                return await client.request(method, path, **options)

        return anyio.run(ask)


def send(broker: RedisBroker, *args: Any, queue: str = "beer", **kwargs: Any) -> str:
    """Enqueue a message; returns its id."""
    message: dramatiq.Message[Any] = dramatiq.Message(queue, "pour", args, kwargs, {})
    return str(broker.enqueue(message).options["redis_message_id"])


def bury(broker: RedisBroker, redis_id: str, *args: Any, error: str = "keg 7 is empty") -> None:
    """Make a dead letter, as a worker does."""
    keys = broker.store.keys("beer")
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", args, {"table": 4}, {})
    broker.store.register(["beer"])
    broker.client.zadd(keys.dead, {redis_id: int(time.time() * 1000)})
    broker.client.hset(keys.dead_messages, redis_id, encode_fields(message.asdict()))
    details = {"reason": "failed", "error": error, "traceback": "Traceback …", "deliveries": 4}
    broker.client.hset(keys.dead_details, redis_id, json.dumps(details))
