"""Pages from templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.templating import Jinja2Templates
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from barback.i18n.middleware import address_in
from barback.printable import visible_on_page
from translations import catalogue
from web import filters
from web.sessions import account_of
from web.visitors import form_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from starlette.responses import Response

_environment = Environment(
    loader=PackageLoader("web"),
    autoescape=select_autoescape(),
    finalize=visible_on_page,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates = Jinja2Templates(env=_environment)

_ASSETS = Path(__file__).parent / "static"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    context["form_token"] = form_token(request)
    context["account"] = account_of(request)
    response = _templates.TemplateResponse(
        request, template, context, status_code=status, headers=headers
    )
    if request.method == "POST" and context["account"] is None:
        # Browsers may keep what answers a form: they ask those who go back to it otherwise whether
        # to send all of it again. Pages of an account are not kept, as they are to go with it.
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def fragment(template: str, **context: Any) -> str:
    """A part of a page, to replace what stands there."""
    return _environment.get_template(template).render(context)


def _asset(name: str) -> str:
    """The address of an asset; it changes with the file, so that no browser shows an old one."""
    return f"/static/{name}?{int((_ASSETS / name).stat().st_mtime)}"


catalogue.install(_environment)
filters.install(_environment)
_environment.globals |= {"address_in": address_in, "asset": _asset}
