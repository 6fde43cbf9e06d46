"""Running delayed messages before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback.control import find, run_now
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker


@pytest.mark.parametrize("priority", [0, 7])
def test_a_delayed_message_runs_at_once_and_the_others_wait(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], priority: int
) -> None:
    # Given a worker, and two messages for later
    ran: list[str] = []
    note = dramatiq.actor(broker=broker, actor_name="note", priority=priority)(ran.append)
    chosen, other = (
        note.send_with_options(args=(name,), delay=600_000) for name in ("chosen", "other")
    )
    run_worker()

    # When one is to run now, by Dramatiq's id
    assert run_now(broker, chosen.message_id)

    # Expect it to run, once
    eventually(lambda: ran == ["chosen"])
    assert find(broker, other.message_id).state == "delayed"
    assert not run_now(broker, chosen.message_id)
    assert not run_now(broker, "nobody")


def test_a_message_between_its_retries_is_tried_again_at_once(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    attempts: list[None] = []

    @dramatiq.actor(broker=broker, min_backoff=600_000)
    def pour() -> None:
        attempts.append(None)
        if len(attempts) == 1:
            raise RuntimeError("keg is empty")

    message = pour.send()
    run_worker()
    eventually(lambda: find(broker, message.message_id).state == "retrying")

    assert run_now(broker, message.message_id)

    eventually(lambda: len(attempts) == 2)
