"""What an actor's options may be, as far as Dramatiq's own middleware reads them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend

from barback import RedisBroker
from barback.control import Cancelled
from barback.errors import InvalidOption

OTHER: dramatiq.Actor[[], None] = dramatiq.actor(broker=StubBroker(), actor_name="other")(
    lambda: None
)


def declare(**options: Any) -> dramatiq.Actor[..., Any]:
    broker = RedisBroker(url="redis://127.0.0.1:1/0")
    broker.add_middleware(Results(backend=StubBackend()))
    return dramatiq.actor(broker=broker, actor_name="pour", **options)(lambda: None)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("throws", [ValueError], "a class of errors, or a tuple of them"),
        ("throws", "ValueError", "a class of errors, or a tuple of them"),
        ("throws", (ValueError, [KeyError]), "a class of errors, or a tuple of them"),
        ("time_limit", dt.timedelta(minutes=1), "a number of milliseconds"),
        ("max_age", "60000", "a number of milliseconds"),
        ("min_backoff", None, "a number of milliseconds"),
        ("min_backoff", float("nan"), "a number of milliseconds"),
        ("time_limit", None, "a number of milliseconds"),
        ("result_ttl", 1.5, "a whole number of milliseconds"),
        ("max_retries", "3", "a number"),
        ("retry_when", True, "a function"),
        ("on_failure", OTHER, "the name of an actor"),
        ("priority", 100, "a whole number from -99 to 99"),
        ("priority", 1.5, "a whole number from -99 to 99"),
    ],
)
def test_an_option_that_would_fail_in_a_worker_is_refused_when_the_actor_is_declared(
    option: str, value: object, expected: str
) -> None:
    with pytest.raises(InvalidOption) as caught:
        declare(**{option: value})
    assert f"Expected option {option} of actor 'pour' to be {expected}" in str(caught.value)
    assert str(caught.value).endswith(f"got {value!r}.")


@pytest.mark.parametrize(
    "options",
    [
        {"priority": -99},
        {"throws": ValueError, "max_retries": None, "time_limit": float("inf")},
        {"throws": (ValueError, (KeyError, OSError)), "max_age": None, "result_ttl": 5_000},
        {"throws": ValueError | KeyError, "retry_when": lambda retries, error: False},  # noqa: ARG005
        {"throws": (), "on_failure": "tidy_up", "on_success": None, "min_backoff": 10.5},
    ],
)
def test_what_dramatiq_takes_is_taken(options: dict[str, Any]) -> None:
    actor = declare(**options)
    declared = {**actor.options, "priority": actor.priority}
    assert {name: declared[name] for name in options if name != "throws"} == {
        name: value for name, value in options.items() if name != "throws"
    }
    # What it throws is its own, and to be cancelled.
    thrown = options.get("throws")
    assert isinstance(Cancelled(), declared["throws"])
    assert not thrown or isinstance(ValueError(), declared["throws"])
