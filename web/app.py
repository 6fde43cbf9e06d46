"""The website: its pages, its JSON API, and what every request passes through."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from barback.outbox import Outbox, OutboxRelay
from database.engine import engine
from database.outbox import outbox
from web import (
    api,
    api_docs,
    confirmations,
    errors,
    home,
    orders,
    reports,
    sign_ups,
    standing_orders,
)
from web.broker import broker
from web.outgoing import Outgoing
from web.security_headers import SecurityHeaders
from web.visitors import VisitorCookie

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: No form and no JSON of ours comes near it.
MAX_BODY_BYTES = 16_384


def create_app() -> FastAPI:
    app = FastAPI(
        title="The bar's JSON API",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=MAX_BODY_BYTES,
        lifespan=_lifespan,
        middleware=[Middleware(SecurityHeaders), Middleware(VisitorCookie)],
    )
    app.add_exception_handler(HTTPException, errors.http_error)
    app.add_exception_handler(RequestValidationError, errors.bad_input)
    app.add_exception_handler(Exception, errors.server_error)
    pages = (home, orders, standing_orders, sign_ups, confirmations, reports, api_docs)
    for module in pages:
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api.router)
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
