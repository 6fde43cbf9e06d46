"""The first page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from web.pages import page

router = APIRouter()


@router.get("/")
def home(request: Request) -> Response:
    return page(request, "home.html")
