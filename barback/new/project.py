"""Fills in the templates.

A file ``dot_name.template`` becomes ``.name``; ``@@name`` in it becomes the value of that name.
"""

from __future__ import annotations

import re
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from barback.new.requirements import pinned_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

#: What Docker Compose accepts as the name of a project.
_NAME = re.compile(r"[a-z][a-z0-9_-]*")

#: With the name of a queue or a service behind it, a label of DNS.
MAX_NAME_LENGTH = 40

_SUFFIX = ".template"
_DOT = "dot_"


class _FileTemplate(Template):
    """Makefiles and workflows are full of dollar signs."""

    delimiter = "@@"


def check_name(name: str) -> None:
    """Check what a project is to be called.

    Raises:
      ValueError: When Docker Compose would not accept it.
    """
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise ValueError(
            f"a project cannot be called {name!r}, because its containers get the name, too: "
            "use lower-case letters, digits, - and _, begin with a letter, and take at most "
            f"{MAX_NAME_LENGTH} characters, such as my-shop"
        )


def check_directory(path: Path) -> None:
    """Check that nothing is in the way of a new project.

    Raises:
      ValueError: When the path is a file, or a directory that is not empty.
      OSError: When it cannot be read.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise ValueError(f"{path} is a file; name a directory that does not exist yet")
    if any(path.iterdir()):
        raise ValueError(f"{path} is not empty; name an empty directory, or a new one")


def make_project(path: Path, name: str) -> None:
    """Write the files of a new project.

    Parameters:
      path: Where to. It is made, with its parents, unless it exists.
      name: What to call the project.

    Raises:
      ValueError: See :func:`check_name` and :func:`check_directory`.
      OSError: When a file cannot be written.
    """
    check_name(name)
    check_directory(path)
    values = {"name": name, "requirements": pinned_requirements()}
    for parts, template in _templates(resources.files("barback.new") / "template"):
        target = path.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _FileTemplate(template.read_text(encoding="utf-8")).substitute(values)
        target.write_text(text, encoding="utf-8")


def _templates(
    directory: Traversable, parents: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    """The path of each file in the project, and what it is made from."""
    for entry in directory.iterdir():
        path = (*parents, re.sub(f"^{_DOT}", ".", entry.name))
        if entry.is_dir():
            yield from _templates(entry, path)
        elif entry.name.endswith(_SUFFIX):
            yield (*parents, path[-1].removesuffix(_SUFFIX)), entry
