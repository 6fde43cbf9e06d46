"""Answers, as pages for people or as JSON for programs."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, Response

from barback.board.charts import sparkline
from barback.board.shown import PAGE_CHARACTERS, as_json, last_line
from barback.board.texts import catalogue, done_in_words, in_words
from barback.durations import moment_of
from barback.i18n import formats
from barback.i18n.middleware import address_in
from barback.printable import json_text, printable, visible_on_page

if TYPE_CHECKING:
    from starlette.requests import Request


def _link(path: str, /, *names: str, **parameters: object) -> str:
    """A path with names in place of its ``{}``, and with parameters unless they are empty."""
    return path.format(*(quote(_as_bytes(name), safe="") for name in names)) + _query(**parameters)


def _choice(queue_name: str, redis_id: str) -> str:
    """What a form sends for a dead letter that was chosen: nothing in it steers a page."""
    return _link("{}:{}", queue_name, redis_id)


def _query(**parameters: object) -> str:
    """The parameters of a link to the same page, without those that are empty."""
    given = {name: _as_bytes(str(value)) for name, value in parameters.items() if value}
    return f"?{urlencode(given)}" if given else ""


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _moment(unix_seconds: float | None) -> str:
    moment = None if unix_seconds is None else moment_of(unix_seconds)
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"  # noqa: RUF001 - a dash


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else formats.duration(seconds)  # noqa: RUF001 - a dash


def _size(size_bytes: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024 or unit == "MiB":  # noqa: PLR2004 - of one unit in the next
            return f"{size_bytes:.3g} {unit}" if unit != "B" else f"{size_bytes} B"
        size_bytes /= 1024  # type: ignore[assignment]
    raise AssertionError


def rate_in_words(per_second: float | None) -> str:
    """A rate in the unit in which it is a number that people can grasp."""
    if per_second is None:
        return "–"  # noqa: RUF001 - a dash
    if per_second >= 1:
        return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"  # noqa: PLR2004
    per_minute = per_second * 60
    return f"{per_minute:.1f}/min" if 0 < per_minute < 10 else f"{per_minute:.0f}/min"  # noqa: PLR2004


def _as_text(value: object) -> str:
    """A value of a message: cut, on one line, with nothing in it that steers a page."""
    text = as_json(value)
    return text if len(text) <= PAGE_CHARACTERS else f"{text[:PAGE_CHARACTERS]}…"


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    finalize=visible_on_page,
    trim_blocks=True,
    lstrip_blocks=True,
)
catalogue.install(_environment)
_environment.globals |= {"address_in": address_in, "done_in_words": done_in_words}
_environment.filters |= {
    "duration": _duration,
    "last_line": last_line,
    "moment": _moment,
    "number": lambda number: f"{number:,.10g}",
    "printable": printable,
    "rate": rate_in_words,
    "size": _size,
    "sparkline": sparkline,
    "state": in_words,
    "thousands": formats.number,
    "tojson_text": _as_text,
}


def wants_json(request: Request) -> bool:
    if "format" in request.query_params:
        return request.query_params["format"] == "json"
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def render(
    request: Request, template: str, data: dict[str, Any], *, status: int = 200, **extra: Any
) -> Response:
    """The page, or the same data as JSON."""
    if wants_json(request):
        return json_response(data, status)
    base: str = request.scope.get("root_path", "")

    def link(path: str, /, *names: str, **parameters: object) -> str:
        return base + _link(path, *names, **parameters)

    page = _environment.get_template(template).render(
        request=request,
        link=link,
        query_of=_query,
        choice=_choice,
        base=base,
        path=_path(request),
        **data,
        **extra,
    )
    # Ids may hold what is no text; it has been made printable wherever it is shown.
    return HTMLResponse(page.encode(errors="backslashreplace"), status)


def json_response(data: Any, status: int = 200) -> Response:
    text = json_text(data, default=_plain, indent=2)
    return Response(text, status, media_type="application/json")


def _path(request: Request) -> str:
    path: str = request.scope["path"]
    base: str = request.scope.get("root_path", "")
    return path.removeprefix(base) or "/"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
            if field.repr
        }
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value)
