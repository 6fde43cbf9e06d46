"""The ids of entries in Redis."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barback.messages.ids import new_id, next_id, root_of, without_priority


@pytest.mark.parametrize(("priority", "before"), [(0, ""), (7, "7:"), (-12, "-12:")])
def test_an_id_begins_as_dramatiq_s_after_its_priority(priority: int, before: str) -> None:
    redis_id = new_id("7c8a11ce-1c1f-4a12-9d21-5a2b6c0a7e11", priority)

    assert re.fullmatch(before + "7c8a[A-Za-z0-9]{12}", redis_id)
    assert without_priority(redis_id).startswith("7c8a")


@given(st.text(max_size=20))
def test_whatever_dramatiq_s_id_is_ours_is_letters_and_digits(message_id: str) -> None:
    redis_id = new_id(message_id)

    assert re.fullmatch("[A-Za-z0-9]{16}", redis_id)
    assert new_id(message_id) != redis_id


def test_retries_are_numbered() -> None:
    first = new_id("7c8a11ce", 5)

    second = next_id(first, 5)
    assert second == f"{first}.1"
    assert next_id(second, 5) == f"{first}.2"
    assert next_id(second) == f"{without_priority(first)}.2"
    assert root_of(first) == root_of(second) == without_priority(first)


@pytest.mark.parametrize("redis_id", ["", "7c8a11ce-1c1f-4a12-9d21-5a2b6c0a7e11", "x" * 16 + ".x"])
def test_the_ids_of_others_have_no_successors(redis_id: str) -> None:
    assert next_id(redis_id) is None
    assert root_of(redis_id) is None
