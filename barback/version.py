"""Which barback this is."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

_PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def _version() -> str:
    """The version that the checkout says or, where it is installed, the package's metadata."""
    if _PYPROJECT.exists():
        project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "barback":
            return f"{project['version']}+checkout"
    return metadata.version("barback")


__version__ = _version()
