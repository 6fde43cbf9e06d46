"""The code in docs/reference/differences.md, run as it stands there."""

from __future__ import annotations

import re

import pytest

from tests.conftest import PROJECT_DIR

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = _BLOCK.findall((PROJECT_DIR / "docs" / "reference" / "differences.md").read_text())


@pytest.mark.parametrize("code", BLOCKS)
def test_the_code_does_what_it_says(code: str, redis_url: str) -> None:
    exec(code.replace("redis://127.0.0.1:6379/0", redis_url), {})  # noqa: S102 - that is the test
