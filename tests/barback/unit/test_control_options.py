"""What an actor may want of its messages, and what that means for one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Limit, Unique, pause
from barback.control.options import control_of, queues_by_shared_limit, room_for
from barback.control.stub import StubBroker
from barback.errors import InvalidKey
from barback.messages.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def declare() -> Callable[..., dramatiq.Actor[..., Any]]:
    """Declare an actor with some options."""
    broker = StubBroker()

    def work(order: str, size: int = 1) -> None: ...

    def declare(name: str = "pour", **options: Any) -> dramatiq.Actor[..., Any]:
        return dramatiq.actor(broker=broker, actor_name=name, **options)(work)

    return declare


def test_the_same_arguments_make_the_same_unique_key(
    declare: Callable[..., dramatiq.Actor[..., Any]],
) -> None:
    actor = declare(unique=Unique())
    keys = [
        control_of(actor, args, kwargs)
        for args, kwargs in ((("one",), {}), (("one", 1), {}), ((), {"order": "one", "size": 1}))
    ]
    assert keys[0] == keys[1] == keys[2]
    assert control_of(actor, ("one", 2), {}) != keys[0]


def test_a_message_tells_what_its_claim_is(
    declare: Callable[..., dramatiq.Actor[..., Any]],
) -> None:
    unique = Unique(key=lambda order, *_: order or None, until="start", for_seconds=2)
    actor = declare(unique=unique)

    assert control_of(actor, ("one", 2), {}) == {
        "unique": "pour:one",
        "conflict": "return",
        "hold_ms": 2000,
        "until_start": True,
    }
    assert control_of(actor, ("", 2), {}) is None


def test_a_limit_tells_how_much_room_there_is_for_a_message(
    declare: Callable[..., dramatiq.Actor[..., Any]],
) -> None:
    limit = Limit(lambda order, _=1: order or None, at_once=2, rate=3, per_seconds=0.5)
    actor = declare(limit=limit)

    assert room_for(actor, ("one",), {}) == Room("one", 2, 3, 500)
    assert room_for(actor, ("",), {}) is None
    assert room_for(declare("free"), ("one",), {}) is None
    with pytest.raises(InvalidKey, match="cannot be made of its arguments: TypeError"):
        room_for(actor, (), {})


def test_limits_that_several_queues_share_are_known_by_their_keys(
    declare: Callable[..., dramatiq.Actor[..., Any]],
) -> None:
    # Given actors on two queues: some share a name or a function, and some do not
    def by_order(order: str, _: int = 1) -> str:
        return order

    keys: dict[str, Any] = {"name": "smtp", "function": by_order, "own": partial(by_order)}
    for what, key in keys.items():
        declare(f"{what} here", limit=Limit(key, at_once=1), queue_name="here")
    for what in ("name", "function"):
        declare(f"{what} there", limit=Limit(keys[what], at_once=1), queue_name="there")
    declare("same queue", limit=Limit("tap", at_once=1), queue_name="here")
    actor = declare("tap", limit=Limit("tap", at_once=1), queue_name="here")

    # Expect those to be found
    shared = queues_by_shared_limit(actor.broker.actors.values())
    assert list(shared.values()) == [["here", "there"], ["here", "there"]]
    assert [name.split(".")[-1] for name in shared] == ["smtp", "by_order"]


def test_a_pause_of_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="for_seconds to be more than 0 and finite, got 0"):
        pause(None, "beer", for_seconds=0)  # type: ignore[arg-type]
