"""The website: its pages, its JSON API, and what every request passes through."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from barback.i18n.middleware import LanguageChoice
from barback.outbox import Outbox, OutboxRelay
from database.engine import engine
from database.outbox import outbox
from web import api_docs, errors, health, home
from web.access_log import AccessLog
from web.accounts import api as accounts_api
from web.accounts import confirmation, log_in, new_password, sign_up
from web.broker import broker
from web.front_door import MAX_BODY_BYTES, FrontDoor
from web.head_requests import HeadRequests
from web.lesson import pages as lesson
from web.orders import api as orders_api
from web.orders import pages as orders
from web.outgoing import Outgoing
from web.rate_limit import WRITE_LIMIT
from web.reports import api as reports_api
from web.reports import pages as reports
from web.security_headers import SecurityHeaders
from web.sessions import Sessions, StaffOnly
from web.standing_orders import pages as standing_orders
from web.visitors import VisitorCookie

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Scope


def create_app(*, offers_demo: bool = False) -> ASGIApp:
    """The website: outside, what holds for every answer, even for that to a failure inside.

    Parameters:
      offers_demo: Whether everybody may log in as staff. On a machine of one's own alone.
    """
    app = _make_app()
    app.state.offers_demo = offers_demo
    speaking = LanguageChoice(VisitorCookie(app), is_for_programs=_is_for_programs)
    return SecurityHeaders(AccessLog(FrontDoor(HeadRequests(speaking))))


def _is_for_programs(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.startswith(("/api/", "/static/")) or path in {"/healthz", "/readyz"}


def _make_app() -> FastAPI:
    app = FastAPI(
        title="The bar's JSON API",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=MAX_BODY_BYTES,
        lifespan=_lifespan,
        dependencies=[WRITE_LIMIT],
    )
    app.add_middleware(Sessions)
    app.add_exception_handler(HTTPException, errors.http_error)
    app.add_exception_handler(StaffOnly, errors.staff_only)
    app.add_exception_handler(RequestValidationError, errors.bad_input)
    app.add_exception_handler(Exception, errors.server_error)
    accounts = (sign_up, confirmation, log_in, new_password)
    for pages in (health, home, lesson, orders, standing_orders, *accounts, reports, api_docs):
        app.include_router(pages.router, include_in_schema=False)
    for api in (orders_api, reports_api, accounts_api):
        app.include_router(api.router)
    swagger = StaticFiles(packages=[("fastapi_offline", "static")])
    app.mount("/static/swagger", swagger, name="swagger")
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    messages = Outbox(outbox, broker())
    relay = OutboxRelay(messages, engine())
    app.state.outgoing = Outgoing(messages, relay)
    relay.start()
    yield
    relay.stop()
