"""The JSON API to read and to try: Swagger UI, its files from this server."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from web.pages import page

router = APIRouter()


@router.get("/docs")
def show_api_docs(request: Request) -> Response:
    return page(request, "api_docs.html")
