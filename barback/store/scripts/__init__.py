"""The scripts that run inside Redis. Each file's head says what it does.

A line ``-- include: name`` stands for the file :file:`name.lua`, a function that scripts share.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources

from barback.connection.script import Script
from barback.store.key_types import key_type

_INCLUDE = re.compile(r"^ *-- include: (\w+)$", re.MULTILINE)


def load(name: str) -> Script:
    """The script of the file :file:`name.lua`, whole."""
    source = _INCLUDE.sub(lambda found: _read(found[1]), _read(name)).encode()
    sha = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    return Script(source=source, sha=sha, key_type=key_type)


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.lua").read_text("utf-8")
