"""Parts of a page that follow what happens, by server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: How often the books are looked at, in seconds.
POLL_SECONDS = 0.25


async def follow(render: Callable[[], tuple[str, bool]]) -> AsyncIterator[ServerSentEvent]:
    """Send what ``render`` returns whenever it has changed, until it says that it is final."""
    shown = None
    is_final = False
    while not is_final:
        html, is_final = await run_in_threadpool(render)
        if html != shown:
            yield ServerSentEvent(event="update", raw_data=html)
            shown = html
        if not is_final:
            await asyncio.sleep(POLL_SECONDS)
    yield ServerSentEvent(event="end", raw_data="")
