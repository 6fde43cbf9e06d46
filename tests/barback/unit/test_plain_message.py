"""Messages made without their constructor are as it makes them."""

from __future__ import annotations

from typing import Any

import dramatiq

from barback.messages.plain import plain_message


def test_a_message_is_what_dramatiq_s_constructor_makes() -> None:
    fields: dict[str, Any] = {
        "queue_name": "beer",
        "actor_name": "serve",
        "args": (1, "two"),
        "kwargs": {"three": 3},
        "options": {"redis_message_id": "abc"},
        "message_id": "id",
        "message_timestamp": 4,
    }

    quick = plain_message(fields)
    slow: dramatiq.Message[Any] = dramatiq.Message(**fields)

    assert quick == slow
    assert vars(quick) == vars(slow)
    assert quick.encode() == slow.encode()
    assert quick.copy(options={"x": 1}) == slow.copy(options={"x": 1})
