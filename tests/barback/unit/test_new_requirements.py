"""Which barback a new project asks for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from packaging.requirements import Requirement

from barback.new.requirements import barback_requirement, requirement_with


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({}, "barback[cli,embedded]==1.2.3"),
        ({"url": "file:///home/ada/barback"}, "barback[cli,embedded] @ file:///home/ada/barback"),
        (
            {
                "url": "https://git.example/barback.git",
                "vcs_info": {"vcs": "git", "commit_id": "3f8452d", "requested_revision": "main"},
            },
            "barback[cli,embedded] @ git+https://git.example/barback.git@3f8452d",
        ),
    ],
)
def test_a_new_project_asks_for_the_barback_that_made_it(
    origin: dict[str, Any], expected: str
) -> None:
    requirement = barback_requirement("1.2.3", origin)

    assert requirement == expected
    assert Requirement(requirement).extras == {"cli", "embedded"}


def test_an_extra_is_installed_from_where_barback_came_from() -> None:
    assert re.fullmatch(r"barback\[board\]( @ (file|git\+)\S+|==\S+)", requirement_with("board"))
