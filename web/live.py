"""Parts of a page that follow what happens, by server-sent events.

However many browsers watch the same thing, it is looked at once for all of them, and only as often
as leaves most of the time to others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from fastapi import Depends, HTTPException, Request
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from barback.i18n import language
from settings import settings
from translations import gettext as _
from web.rare_log import warn_rarely

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Render = Callable[[], tuple[str, bool]]

#: How often a thing is looked at, in seconds, if looking is quick.
POLL_SECONDS = 0.5

#: A look that takes long is followed by a pause of so many times as long.
PAUSE_FACTOR = 5

#: How many things are looked at at once. Pages need the other threads.
MAX_LOOKS = 4

#: How many streams one browser may have. Browsers open six connections to a host.
MAX_STREAMS_PER_BROWSER = 3

#: How long a stream lasts, in seconds. The page asks for another one, if it still may: so a session
#: that has ended ends what was opened with it, too.
STREAM_SECONDS = 60.0

#: Which share of all connections streams may take.
STREAM_SHARE = 0.5

_watches: dict[str, _Watch] = {}
_streams: Counter[str] = Counter()
_looks = asyncio.Semaphore(MAX_LOOKS)


async def follow(key: str, render: Render) -> AsyncIterator[ServerSentEvent]:
    """Send what ``render`` returns whenever it has changed, until it says that it is final, or for
    a minute.

    Parameters:
      key: Names the thing. Those who follow the same one get the same updates.
      render: Looks at the thing; returns its HTML and whether it will not change any more.
    """
    # A watch speaks the language of the one who was first.
    ends_at = asyncio.get_running_loop().time() + STREAM_SECONDS
    async with _watch(f"{language().code} {key}", render) as watch:
        async for html, is_final in watch.states(ends_at):
            yield ServerSentEvent(event="update", raw_data=html)
            if is_final:
                yield ServerSentEvent(event="end", raw_data="")


class _Watch:
    """A thing that somebody watches."""

    def __init__(self, render: Render) -> None:
        self.watchers = 0
        self._render = render
        self._state: tuple[str, bool] | None = None
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._poll())

    @property
    def is_over(self) -> bool:
        return self._task.done() or (self._state is not None and self._state[1])

    def stop(self) -> None:
        self._task.cancel()

    async def states(self, ends_at: float) -> AsyncIterator[tuple[str, bool]]:
        """Each state from now on, until a time of the loop's clock. Ends with the final one, or
        when looking failed.
        """
        seen = None
        while True:
            news = self._news
            if self._state is not None and self._state != seen:
                seen = self._state
                yield seen
            if self._task.done() or (seen is not None and seen[1]):
                return
            try:
                async with asyncio.timeout_at(ends_at):
                    await news.wait()
            except TimeoutError:
                return

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._state is None or not self._state[1]:
                async with _looks:
                    started_at = loop.time()
                    state = await run_in_threadpool(self._render)
                    took_seconds = loop.time() - started_at
                if state != self._state:
                    self._state = state
                    self._wake_all()
                await asyncio.sleep(max(POLL_SECONDS, PAUSE_FACTOR * took_seconds))
        except Exception as error:  # noqa: BLE001 - whoever watches asks again
            warn_rarely("Pages cannot be kept up to date: %s.", error)
        finally:
            loop.call_soon(self._wake_all)

    def _wake_all(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


@contextlib.asynccontextmanager
async def _watch(key: str, render: Render) -> AsyncIterator[_Watch]:
    watch = _watches.get(key)
    if watch is None or watch.is_over:
        watch = _watches[key] = _Watch(render)
    watch.watchers += 1
    try:
        yield watch
    finally:
        watch.watchers -= 1
        if not watch.watchers:
            watch.stop()
            if _watches.get(key) is watch:
                del _watches[key]


async def _take_stream(request: Request) -> AsyncIterator[None]:
    browser: str = request.state.browser  # not the account, which may be logged in on many
    if _streams[browser] >= MAX_STREAMS_PER_BROWSER:
        raise HTTPException(429, _("This browser watches enough already."), {"Retry-After": "10"})
    if _streams.total() >= settings.max_connections * STREAM_SHARE:
        raise HTTPException(503, _("Too many people are watching."), {"Retry-After": "30"})
    _streams[browser] += 1
    try:
        yield
    finally:
        _streams[browser] -= 1
        if not _streams[browser]:
            del _streams[browser]


#: Of every route that is a stream.
STREAM_LIMIT = Depends(_take_stream)
