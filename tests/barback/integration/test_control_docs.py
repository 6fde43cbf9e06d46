"""The examples of ``docs/control.md`` do what the page says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dramatiq.broker

from tests.conftest import PROJECT_DIR

if TYPE_CHECKING:
    import pytest


def test_the_examples_run(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dramatiq.broker, "global_broker", None)
    page = (PROJECT_DIR / "docs" / "control.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(examples) > 8
    names: dict[str, Any] = {"redis_url": redis_url}

    for example in examples:
        exec(compile(example, "docs/control.md", "exec"), names)  # noqa: S102 - what is tested

    names["broker"].close()
