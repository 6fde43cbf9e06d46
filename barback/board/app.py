"""Puts the board together."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from redis import RedisError
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from barback.board import errors
from barback.board.access import Access
from barback.board.context import Board
from barback.board.endpoints import action, page
from barback.board.jobs import Jobs
from barback.board.pages import (
    chosen,
    dead,
    done,
    history,
    message,
    overview,
    queue,
    running,
)
from barback.board.pages import schedules as schedules_page
from barback.board.pages.events import events
from barback.board.pages.export import export
from barback.board.pages.health import health
from barback.board.pages.prometheus import prometheus
from barback.board.reader import SharedReader
from barback.board.rendering import wants_json
from barback.board.schedules import no_schedules
from barback.board.security_headers import SecurityHeaders
from barback.board.shown import no_redaction
from barback.board.snapshot import SnapshotTaker
from barback.i18n.middleware import LanguageChoice
from barback.metrics import History

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope

    from barback.board.access import Authorize
    from barback.board.schedules import Schedules
    from barback.board.shown import Redact
    from barback.broker import RedisBroker


#: Addresses that no person reads.
_NOT_FOR_PEOPLE = ("/healthz", "/events", "/metrics", "/static", "/dead/export")


class _Anything(Convertor[str]):
    """Whatever the rest of an address is: ids come from outside, and may have lines."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())

_TRACE_URL = re.compile(r"https?://\S*\{trace_id\}\S*")


def board(
    broker: RedisBroker,
    *,
    authorize: Authorize,
    read_only: bool = False,
    redact: Redact = no_redaction,
    trace_url: str | None = None,
    schedules: Schedules = no_schedules,
) -> ASGIApp:
    """The board of a broker, as an ASGI application.

    Parameters:
      broker: The broker.
      authorize: Decides by a request and an action (``view``, ``export``, ``pause``, ``resume``,
        ``purge``, ``requeue``, ``delete``, ``cancel``, ``run``) whether it may be: returns True or
        the name of who asks, or False. It may be a coroutine function, and may raise an
        :class:`starlette.exceptions.HTTPException`. See :func:`barback.board.with_token` and
        :func:`barback.board.anybody`.
      read_only: Whether nobody may change anything.
      redact: Takes the name of an actor and the arguments of a message, and returns the arguments
        as they may be shown, searched and exported.
      trace_url: Where traces are looked at, as an address with ``{trace_id}`` in it: the page of a
        message that carries one links there.
      schedules: Tells the schedules that the program keeps itself, as
        :class:`barback.board.Schedule` each; it takes how many at the most.

    Raises:
      ValueError: When `trace_url` is no such address.
    """
    if trace_url is not None and not _TRACE_URL.fullmatch(trace_url):
        raise ValueError(
            f"Expected trace_url to be an http address with {{trace_id}} in it, got {trace_url!r}."
        )
    reading = History(broker)
    context = Board(
        broker=broker,
        access=Access(authorize, read_only=read_only),
        redact=redact,
        reader=SharedReader(SnapshotTaker(broker, reading).take),
        history=reading,
        jobs=Jobs(),
        schedules=schedules,
        trace_url=trace_url,
    )
    app = Starlette(
        routes=[*_pages(context), *_actions(context), _static()],
        exception_handlers={
            HTTPException: errors.http_error,
            RedisError: errors.broker_error,
            Exception: errors.server_error,
        },
    )
    # Outside, so that the answer to a failure inside has these headers, too.
    return LanguageChoice(SecurityHeaders(app), is_for_programs=_is_for_programs)


def _is_for_programs(scope: Scope) -> bool:
    request = Request(scope)
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith(_NOT_FOR_PEOPLE) or wants_json(request)


def _pages(context: Board) -> list[Route]:
    views = {
        "/": ("overview.html", overview.overview),
        "/running": ("running.html", running.running),
        "/workers": ("workers.html", overview.workers),
        "/delayed": ("delayed.html", queue.delayed),
        "/dead": ("dead.html", dead.dead),
        "/done": ("done.html", done.done),
        "/history": ("history.html", history.history),
        "/schedules": ("schedules.html", schedules_page.schedules),
        "/jobs/{job}": ("job.html", dead.job),
        "/queues/{queue}": ("queue.html", queue.queue),
        "/queues/{queue}/messages/{id:anything}": ("message.html", message.message),
    }
    return [
        Route("/healthz", health(context)),
        Route("/events", events(context)),
        Route("/metrics", prometheus(context)),
        Route("/dead/export", export(context)),
        *(Route(path, page(context, *each)) for path, each in views.items()),
    ]


def _actions(context: Board) -> list[Route]:
    def post(path: str, kind: object, do: object) -> Route:
        return Route(path, action(context, kind, do), methods=["POST"])  # type: ignore[arg-type]

    routes = [
        post("/queues/{queue}/pause", "pause", queue.pause),
        post("/queues/{queue}/resume", "resume", queue.resume),
        post("/queues/{queue}/purge", "purge", queue.purge),
        post("/messages/cancel", "cancel", chosen.cancel),
        post("/messages/run", "run", chosen.run_now),
        post("/schedules/run", "run", schedules_page.run_now),
        post("/jobs/{job}/stop", dead.action_of_job, dead.stop_job),
    ]
    for name in ("requeue", "delete"):
        routes += [
            post(f"/dead/{name}", name, functools.partial(dead.change_chosen, name)),
            post(f"/dead/{name}-all", name, functools.partial(dead.change_all, name)),
        ]
    return routes


def _static() -> Mount:
    return Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
