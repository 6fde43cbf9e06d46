"""Messages are encoded as Dramatiq encodes them."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.encoder import JSONEncoder, PickleEncoder
from hypothesis import given
from hypothesis import strategies as st

from barback.messages.codec import decode_bytes, encode_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), plain_data))
def test_the_bytes_are_those_of_dramatiq_s_own_encoder(fields: dict[str, Any]) -> None:
    encoded = encode_fields(fields)

    assert encoded == JSONEncoder().encode(fields)
    # Not by ==, because nan is not equal to itself
    assert repr(decode_bytes(encoded)) == repr(JSONEncoder().decode(encoded))


@pytest.mark.parametrize("payload", [b"", b"{", b'{"a":1} x', b"\xff", b"nonsense"])
def test_what_is_no_json_is_refused(payload: bytes) -> None:
    with pytest.raises((ValueError, dramatiq.DramatiqError)):
        decode_bytes(payload)


def test_white_space_around_a_message_does_no_harm() -> None:
    assert decode_bytes(b' {"a": 1}\n') == {"a": 1}
    assert decode_bytes(b'{"a": 1}\n') == {"a": 1}


def test_a_value_that_contains_itself_is_refused() -> None:
    fields: dict[str, Any] = {}
    fields["self"] = fields

    with pytest.raises(RecursionError):
        encode_fields(fields)


def test_what_a_program_has_taught_the_encoder_of_json_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json.JSONEncoder, "default", lambda _, value: value.isoformat())

    assert encode_fields({"day": dt.date(2027, 1, 2)}) == b'{"day":"2027-01-02"}'


@pytest.fixture
def pickle_encoder() -> Iterator[None]:
    before = dramatiq.get_encoder()
    dramatiq.set_encoder(PickleEncoder())
    yield
    dramatiq.set_encoder(before)


@pytest.mark.usefixtures("pickle_encoder")
def test_an_encoder_of_the_user_s_is_used() -> None:
    encoded = encode_fields({"args": {1, 2}})

    with pytest.raises(ValueError, match="codec"):
        json.loads(encoded)
    assert decode_bytes(encoded) == {"args": {1, 2}}
