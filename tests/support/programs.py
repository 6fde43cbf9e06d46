"""Programs that tests need and the project does not bring along."""

from __future__ import annotations

import shutil

import pytest


def require_program(name: str, *, install: str) -> str:
    """The path of a program that a test needs; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; {install}")
    return found
