"""The first page, and the sign of life that monitoring asks for."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from sqlalchemy import text
from starlette.responses import Response

from database.engine import reading
from web.pages import page

router = APIRouter()


@router.get("/")
def home(request: Request) -> Response:
    return page(request, "home.html")


@router.get("/healthz")
def health() -> PlainTextResponse:
    with reading() as session:
        session.execute(text("SELECT 1"))
    return PlainTextResponse("ok\n")
