"""What a type checker says of actors with control options: mypy fails where it says nothing."""

from __future__ import annotations

import pytest

from barback.control import Limit, Unique, actor
from barback.control.stub import StubBroker
from barback.errors import InvalidOption


def test_an_actor_keeps_the_types_of_its_function() -> None:
    broker = StubBroker()

    @actor(broker=broker, queue_name="beer", unique=Unique(), limit=Limit("tap", at_once=2))
    def pour(order: str, size: int = 1) -> float:
        return len(order) * size / 2

    assert pour.send("one", size=2).queue_name == "beer"
    pour.message(1)  # type: ignore[arg-type]


def test_wrong_options_are_errors_of_types_and_of_declarations() -> None:
    broker = StubBroker()

    with pytest.raises(InvalidOption, match="Unique, got 'yes'"):

        @actor(broker=broker, unique="yes")  # type: ignore[arg-type]
        def one() -> None: ...

    with pytest.raises(InvalidOption, match="'ask', 'interrupt', got 'kill'"):

        @actor(broker=broker, on_cancel="kill")  # type: ignore[arg-type]
        def two() -> None: ...
