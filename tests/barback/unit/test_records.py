"""Reading what somebody else may have stored."""

from __future__ import annotations

import math

import pytest

from barback.store.records import count_in, number_in, read_record, read_records, text_in

DEEP = b"[" * 100_000


@pytest.mark.parametrize("stored", [None, b"", b"\xff", b"null", b"5", b"[]", DEEP, b"9" * 5_000])
def test_what_is_no_object_is_an_empty_one(stored: bytes | None) -> None:
    assert read_record(stored) == {}


@pytest.mark.parametrize("stored", [None, b"\xff", b"null", b"5", b"{}", DEEP, b"[5, null, []]"])
def test_what_is_no_list_of_objects_is_an_empty_one(stored: bytes | None) -> None:
    assert read_records(stored) == []


def test_a_strange_entry_of_a_list_hides_no_other() -> None:
    assert read_records(b'[5, {"id": "a"}, null]') == [{"id": "a"}]


@pytest.mark.parametrize("value", ["5", [5], {}, True, None, math.inf, -math.inf, math.nan, 10**40])
def test_what_is_no_number_of_anything_is_none(value: object) -> None:
    assert number_in({"field": value}, "field") is None
    assert count_in({"field": value}, "field") is None


def test_fields_are_read_as_what_they_should_be() -> None:
    fields = {"whole": 5, "part": 1.5, "text": "a"}

    assert (count_in(fields, "whole"), count_in(fields, "part")) == (5, None)
    assert (number_in(fields, "part"), number_in(fields, "text")) == (1.5, None)
    assert (text_in(fields, "text"), text_in(fields, "whole")) == ("a", None)
