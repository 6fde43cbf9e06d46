"""The page on which a round of the lesson is ordered and watched."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from lesson_rounds import Round
from translations import gettext as _
from web.broker import AWAY_ERRORS, answering_broker
from web.lesson.bars import bars_of, news_of
from web.lesson.ordering import (
    EACH,
    RETRY_AFTER,
    TooManyWait,
    find_round,
    order_round,
)
from web.live import STREAM_LIMIT, follow
from web.pages import fragment, page
from web.rare_log import warn_rarely
from web.sessions import Visitor
from web.visitors import FORM_TOKEN

router = APIRouter(prefix="/lesson")


@contextlib.contextmanager
def _closed_when_away() -> Iterator[None]:
    try:
        with answering_broker():
            yield
    except AWAY_ERRORS as error:
        warn_rarely("The lesson is closed: the broker cannot be reached: %s.", error)
        raise HTTPException(
            503,
            _("The queues cannot be reached at the moment. Please try again soon."),
            RETRY_AFTER,
        ) from None


def _find_round(round_id: str) -> Round:
    with _closed_when_away():
        found = find_round(round_id)
    if found is None:
        raise HTTPException(404, _("There is no such round: they are kept for an hour."))
    return found


FoundRound = Annotated[Round, Depends(_find_round)]


@router.get("")
def show_lesson(request: Request) -> Response:
    return _page(request, None, "")


@router.post("", dependencies=[FORM_TOKEN])
def receive_round(visitor: Visitor, key: Annotated[str, Form(max_length=200)]) -> Response:
    try:
        with _closed_when_away():
            round_id = order_round(visitor, key)
    except TooManyWait:
        raise HTTPException(
            503, _("Many others are at it. Please try again in a minute."), RETRY_AFTER
        ) from None
    return RedirectResponse(f"{router.prefix}/{round_id}", 303)


@router.get("/{round_id}")
def show_round(request: Request, round_id: str, the_round: FoundRound) -> Response:
    return _page(request, the_round, round_id)


@router.get("/{round_id}/events", response_class=EventSourceResponse, dependencies=[STREAM_LIMIT])
async def round_events(round_id: str, the_round: FoundRound) -> AsyncIterator[ServerSentEvent]:
    def render() -> tuple[str, bool]:
        # One that is forgotten meanwhile stays as it was.
        current = find_round(round_id)
        return _render(current or the_round), current is None or current.is_over

    async for event in follow(f"lesson {round_id}", render):
        yield event


def _page(request: Request, the_round: Round | None, round_id: str) -> Response:
    with _closed_when_away():
        bars = bars_of(the_round)
    return page(
        request,
        "lesson/lesson.html",
        each=EACH,
        key=secrets.token_urlsafe(18),
        round_id=round_id,
        is_over=the_round is None or the_round.is_over,
        news=news_of(bars),
        bars=bars,
    )


def _render(the_round: Round) -> str:
    bars = bars_of(the_round)
    return fragment("lesson/_bars.html", bars=bars, news=news_of(bars))
