from __future__ import annotations

import math
from typing import Any

import dramatiq
import pytest
from dramatiq.encoder import JSONEncoder, PickleEncoder
from hypothesis import given
from hypothesis import strategies as st

from barback import RedisBroker
from barback.errors import MessageRejected, UndecodablePayload, UnusableTime
from barback.messages.delivery import decode
from barback.messages.tracebacks import MAX_TRACEBACK_CHARACTERS
from barback.sending.preparing import encode, with_id

#: Nobody listens there.
NO_SERVER = "redis://127.0.0.1:1"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def message(*args: Any, **kwargs: Any) -> dramatiq.Message[Any]:
    return dramatiq.Message("beer", "serve", args, kwargs, {"max_retries": 3})


@given(args=st.lists(JSON), kwargs=st.dictionaries(st.text(), JSON))
def test_what_is_encoded_is_decoded_as_stock_dramatiq_would(
    args: list[Any], kwargs: dict[str, Any]
) -> None:
    sent = message(*args).copy(kwargs=kwargs)

    payload = encode(with_id(sent, "id"), 10**9)

    stock = dramatiq.Message.decode(payload)
    ours = decode(payload, redis_id="id", queue_name="beer")
    assert stock.options == ours.options == {"max_retries": 3, "redis_message_id": "id"}
    for field in ("queue_name", "actor_name", "args", "kwargs", "message_id", "message_timestamp"):
        assert getattr(stock, field) == getattr(ours, field) == getattr(sent, field)


@given(st.binary())
def test_any_bytes_are_either_a_message_or_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(UndecodablePayload):
        decode(payload, redis_id="id", queue_name="beer")


@given(JSON)
def test_any_json_is_either_a_message_or_said_to_be_none(value: Any) -> None:
    with pytest.raises(UndecodablePayload):
        decode(JSONEncoder().encode(value), redis_id="id", queue_name="beer")


@pytest.mark.parametrize(
    "changes",
    [
        {"message_timestamp": 10**400},
        {"message_timestamp": -(2**53)},
        {"options": {"min_backoff": 10**400}},
        {"options": {"control": {"hold_ms": -(10**30)}}},
        {"actor_name": "pour\n[INFO] All is well."},
    ],
    ids=str,
)
def test_numbers_that_nobody_can_count_with_and_names_that_nobody_can_print_are_refused(
    changes: dict[str, Any],
) -> None:
    payload = JSONEncoder().encode({**message().asdict(), **changes})

    with pytest.raises(UndecodablePayload):
        decode(payload, redis_id="id", queue_name="beer")


def test_a_message_cannot_say_to_be_another_one() -> None:
    payload = JSONEncoder().encode(message().copy(options={"redis_message_id": "theirs"}).asdict())

    assert decode(payload, redis_id="own", queue_name="beer").options["redis_message_id"] == "own"


def test_a_message_may_have_exactly_the_size_that_is_allowed() -> None:
    fields = with_id(message("x"), "id")
    size = len(encode(fields, 10**9))

    assert len(encode(fields, size)) == size
    with pytest.raises(MessageRejected, match=f"has {size} bytes; at most {size - 1} are allowed"):
        encode(fields, size - 1)


def test_what_another_encoder_refuses_is_refused_with_the_same_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dramatiq.message.global_encoder", PickleEncoder())

    with pytest.raises(MessageRejected, match=r"actor 'serve' cannot be encoded"):
        encode(with_id(message(lambda: None), "id"), 10**9)


def test_the_error_for_a_huge_argument_is_short() -> None:
    with pytest.raises(MessageRejected) as caught:
        encode(with_id(message({"x" * 10**6: object()}), "id"), 10**9)

    assert len(str(caught.value)) < 600


def test_a_delivery_knows_its_queue_and_no_time_of_its_own() -> None:
    sent = message().copy(queue_name="beer.DQ", options={"eta": 1})

    delivery = decode(encode(with_id(sent, "id"), 10**9), redis_id="id", queue_name="beer")

    assert delivery.queue_name == "beer"
    assert "eta" not in delivery.options


def test_a_delivery_can_be_copied_as_middleware_does() -> None:
    delivery = decode(encode(with_id(message(1), "id"), 10**9), redis_id="id", queue_name="beer")

    copied = delivery.copy(options={"retries": 1})

    assert copied.options["retries"] == 1
    assert copied.args == (1,)
    assert "retries" not in delivery.options


@pytest.mark.parametrize("delay", [math.nan, math.inf, -math.inf, "5", 1e30])
def test_a_delay_that_is_no_finite_number_is_refused_before_redis_is_asked(delay: Any) -> None:
    broker = RedisBroker(url=NO_SERVER)

    for enqueue in (broker.enqueue, lambda it, **how: broker.enqueue_many([it], **how)):
        with pytest.raises(ValueError, match="delay to be a finite number of milliseconds, got"):
            enqueue(message(), delay=delay)


@pytest.mark.parametrize("ttl_seconds", [0, -1, 0.0001, math.nan, math.inf, "5"])
def test_a_token_that_is_remembered_for_no_time_is_refused_before_redis_is_asked(
    ttl_seconds: Any,
) -> None:
    with pytest.raises(UnusableTime, match=r"0.001 or more, got"):
        RedisBroker(url=NO_SERVER).enqueue_once(message(), token="t", ttl_seconds=ttl_seconds)


def test_no_more_than_the_end_of_a_traceback_travels_with_a_retry() -> None:
    text = "Traceback" + "e" * 3_000_000 + "\nRuntimeError: a document"
    message: dramatiq.Message[None] = dramatiq.Message("q", "a", (), {}, {"traceback": text})

    kept = with_id(message, "1")["options"]["traceback"]

    assert len(kept) == MAX_TRACEBACK_CHARACTERS
    assert kept.endswith("RuntimeError: a document")
    assert message.options["traceback"] == text
