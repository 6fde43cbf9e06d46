"""The board's own threads.

A broker that does not answer holds them, and none of those of the application that the board is
mounted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

#: How many there are at the most. What comes next waits without one.
MAX_THREADS = 10

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_limiter = anyio.CapacityLimiter(MAX_THREADS)


async def in_thread(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call a function that may wait for the broker."""
    return await anyio.to_thread.run_sync(function, *args, limiter=_limiter)


async def each_in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts of an answer, each of which may wait for the broker."""
    while part := await in_thread(next, parts, b""):
        yield part
