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
    """Readiness: 503 while the database or the broker is away, which a restart would not mend."""
    parts = {"database": _database_is_there(), "broker": _broker_is_there()}
    status = 200 if all(parts.values()) else 503
    return JSONResponse(
        {name: "ok" if is_there else "away" for name, is_there in parts.items()}, status
    )


def _database_is_there() -> bool:
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _broker_is_there() -> bool:
    try:
        with answering_broker() as broker:
            broker.store.now_ms()
    except AWAY_ERRORS:
        return False
    return True
