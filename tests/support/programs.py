"""Programs that tests need and the project does not bring along."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def require_program(name: str, *, install: str) -> str:
    """The path of a program that a test needs; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; {install}")
    return found


def ask_git(folder: Path, *arguments: str) -> bytes:
    """What git says of a folder; where it knows none, as of an unpacked archive, the test is
    skipped.
    """
    git = require_program("git", install="a clone comes with it")
    run = subprocess.run([git, *arguments], cwd=folder, capture_output=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"git does not know this folder: {run.stderr.decode().strip()}")
    return run.stdout
