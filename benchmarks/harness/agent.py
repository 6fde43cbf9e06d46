"""The producer of a measured system, as a process within that system's virtual environment.

It takes orders as lines of JSON on standard input, ``[name, arguments]``, and answers each with one
line on standard output. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import nullcontext
from importlib import import_module
from types import ModuleType
from typing import IO, Any


class Agent:
    """Carries out orders with the ``producer`` module of a system."""

    def __init__(self, producer: ModuleType) -> None:
        self._producer = producer

    async def obey(self, name: str, arguments: dict[str, Any]) -> Any:
        own = getattr(self, f"do_{name}", None)
        return await (own or getattr(self._producer, name))(**arguments)

    async def do_enqueue(self, first: int, count: int, **options: Any) -> float:
        """Send messages one by one, as fast as it goes; return how many seconds it took."""
        send = self._producer.send
        started = time.perf_counter()
        for message_id in range(first, first + count):
            await send(message_id, time.monotonic_ns(), **options)
        return time.perf_counter() - started

    async def do_enqueue_many(self, first: int, count: int) -> float:
        """Send messages in bulk; return how many seconds it took."""
        started = time.perf_counter()
        await self._producer.send_many(first, count)
        return time.perf_counter() - started

    async def do_enqueue_for(self, first: int, seconds: float, chunk: int) -> float:
        """Send messages for some time, in bulk if a chunk is more than one; return the rate."""
        started, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds:
            if chunk == 1:
                await self._producer.send(first + count, time.monotonic_ns())
            else:
                await self._producer.send_many(first + count, chunk)
            count += chunk
        return count / passed

    async def do_pace(self, first: int, count: int, gap_seconds: float, **options: Any) -> None:
        """Send messages at fixed times, whatever has become of those before (open loop)."""
        begin = time.monotonic()
        for number in range(count):
            await asyncio.sleep(begin + (number + 1) * gap_seconds - time.monotonic())
            await self._producer.send(first + number, time.monotonic_ns(), **options)


async def _serve(producer: ModuleType, answers: IO[str]) -> None:
    agent = Agent(producer)
    async with getattr(producer, "connected", nullcontext)():
        for line in sys.stdin:
            name, arguments = json.loads(line)
            answer = await agent.obey(name, arguments)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def main() -> None:
    # What a library prints must not get among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_serve(import_module(sys.argv[1]), answers))


if __name__ == "__main__":
    main()
