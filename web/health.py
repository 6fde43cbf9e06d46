"""What monitoring asks: whether the process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from database.engine import reading
from web.broker import AWAY_ERRORS, answering_broker
from web.outgoing import OutgoingDependency

router = APIRouter()


@router.get("/healthz")
async def health(outgoing: OutgoingDependency) -> PlainTextResponse:
    """Liveness: a process that does not answer, or has lost a thread, is to be restarted."""
    if not outgoing.relay.is_running:
        return PlainTextResponse("The thread that sends the outbox has died.\n", status_code=503)
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readiness() -> JSONResponse:
    """Readiness: 503 while database or broker are away or take nothing, which no restart mends."""
    parts = {"database": _state_of_database(), "broker": _state_of_broker()}
    status = 200 if set(parts.values()) == {"ok"} else 503
    return JSONResponse(parts, status)


def _state_of_database() -> str:
    try:
        with reading() as session:
            if session.get_bind().dialect.name == "postgresql":
                # A standby, and what an operator has set so: pages are shown, and nothing is taken.
                is_read_only = session.scalar(text("SHOW transaction_read_only")) == "on"
                return "read-only" if is_read_only else "ok"
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "away"
    return "ok"


def _state_of_broker() -> str:
    try:
        with answering_broker() as broker:
            broker.store.now_ms()
    except AWAY_ERRORS:
        return "away"
    return "ok"
