"""Programs that tests need and the project does not bring along."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str, *, install: str) -> str:
    """The path of a program that a test needs; without it the test is skipped, in CI it fails."""
    found = shutil.which(name)
    if found is None:
        complain = pytest.fail if os.environ.get("CI") else pytest.skip
        complain(f"{name} is not installed; {install}")
    return found
