from __future__ import annotations

import json
import threading
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import ActorNotFound
from dramatiq.middleware import SkipMessage

from barback.dead_letters.details import describe_failure
from barback.errors import WorkersDied
from barback.messages.delivery import Delivery, FollowUp


@pytest.fixture
def delivery() -> Delivery:
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "serve", (1,), {}, {})
    return Delivery(message.asdict(), "id")


def follow_up(name: str) -> FollowUp:
    return FollowUp(name, b"", None)


def test_what_follows_is_taken_in_its_order_when_the_message_is_finished(
    delivery: Delivery,
) -> None:
    first, second = follow_up("1"), follow_up("2")

    assert delivery.add_follow_up(first)
    assert delivery.add_follow_up(second)

    assert delivery.finish() == [first, second]


def test_nothing_follows_a_finished_message(delivery: Delivery) -> None:
    delivery.finish()

    assert not delivery.add_follow_up(follow_up("late"))
    assert delivery.finish() == []


def test_what_comes_while_a_message_is_finished_is_sent_by_one_thread_or_the_other() -> None:
    for _ in range(300):
        # Given a message that one thread finishes while others let something follow
        message: dramatiq.Message[Any] = dramatiq.Message("beer", "serve", (1,), {}, {})
        delivery = Delivery(message.asdict(), "id")
        all_start = threading.Barrier(4)
        by_thread: list[FollowUp] = []

        def follow(delivery: Delivery, start: threading.Barrier, sent: list[FollowUp]) -> None:
            mine = follow_up("x")
            start.wait(10)
            if not delivery.add_follow_up(mine):
                sent.append(mine)

        arguments = (delivery, all_start, by_thread)
        threads = [threading.Thread(target=follow, args=arguments) for _ in range(3)]
        for thread in threads:
            thread.start()
        all_start.wait(10)
        taken = delivery.finish()
        for thread in threads:
            thread.join(10)

        # Expect each to be sent, and once
        assert len({*taken, *by_thread}) == len(taken) + len(by_thread) == 3


def test_a_replaced_message_is_what_the_delivery_shows(delivery: Delivery) -> None:
    assert delivery._message.args == (1,)

    delivery._message = delivery._message.copy(args=(2,), options={"is_plain": True})

    assert delivery.args == delivery._message.args == (2,)
    assert delivery.options == {"is_plain": True}
    assert str(delivery) == "serve(2)"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("no beer"), "failed"),
        (SkipMessage("too old"), "expired"),
        (WorkersDied("three"), "worker died"),
        (ActorNotFound("who"), "unknown actor"),
    ],
)
def test_a_dead_letter_says_what_kind_of_end_it_was(
    error: BaseException, reason: str, delivery: Delivery
) -> None:
    delivery.stuff_exception(error)

    details = json.loads(describe_failure(delivery))

    assert (details["reason"], details["error"]) == (reason, f"{type(error).__name__}: {error}")
