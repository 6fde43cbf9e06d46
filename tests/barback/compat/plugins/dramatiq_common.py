"""Stands in for ``tests/common.py`` of Dramatiq, which does not travel with its tests."""

from __future__ import annotations

import pytest
from compat_dramatiq import worker

skip_in_ci = skip_on_pypy = skip_on_windows = pytest.mark.skipif("False", reason="not here")

__all__ = ["skip_in_ci", "skip_on_pypy", "skip_on_windows", "worker"]
