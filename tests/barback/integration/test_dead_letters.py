"""Dead letters: what is written down, and what can be done about them."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.dead_letters import DeadLetters
from barback.dead_letters.letters import BATCH_SIZE, MAX_BATCH_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


@pytest.fixture
def served(broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]) -> list[str]:
    """What an actor that fails for the guest "nobody" has served."""
    served: list[str] = []

    @dramatiq.actor(broker=broker, queue_name="beer", max_retries=1, min_backoff=1, max_backoff=2)
    def pour(guest: str) -> None:
        if guest.startswith("nobody"):
            raise LookupError(f"no such guest: {guest}")
        served.append(guest)

    run_worker()
    return served


def send(broker: RedisBroker, *guests: str) -> None:
    broker.enqueue_many([broker.get_actor("pour").message(guest) for guest in guests])
    broker.join("beer", timeout=30_000)


@pytest.mark.usefixtures("served")
def test_a_failed_message_keeps_its_last_error(broker: RedisBroker) -> None:
    # Given a message that fails, and fails again
    send(broker, "nobody")

    # Expect one dead letter that tells all about it
    (letter,) = DeadLetters(broker, "beer")
    assert (letter.reason, letter.deliveries, letter.actor_name) == ("failed", 2, "pour")
    assert letter.error == "LookupError: no such guest: nobody"
    assert letter.traceback is not None
    assert "raise LookupError" in letter.traceback


@pytest.mark.usefixtures("served")
def test_of_an_error_with_a_document_in_it_the_beginning_is_kept(broker: RedisBroker) -> None:
    send(broker, "nobody" + "y" * 300_000)

    (letter,) = DeadLetters(broker, "beer")
    assert letter.error is not None
    assert letter.error.startswith("LookupError: no such guest: nobodyyyy")
    assert letter.error.endswith("more characters)")
    assert len(letter.error) < 2_100


@pytest.mark.usefixtures("served")
def test_a_payload_that_is_no_message_is_kept_as_it_is(broker: RedisBroker) -> None:
    # Given nonsense between two messages
    payload = b'\xff{"queue_name"'
    broker.do_enqueue("beer", "nonsense-id", payload)
    send(broker, "ann", "bob")

    # Expect it alone to be a dead letter
    (letter,) = DeadLetters(broker, "beer")
    assert (letter.id, letter.reason, letter.payload) == ("nonsense-id", "undecodable", payload)
    assert letter.fields is None


@pytest.mark.usefixtures("served")
def test_a_message_for_no_known_actor_says_so(broker: RedisBroker) -> None:
    message: dramatiq.Message[None] = dramatiq.Message("beer", "sing", (), {}, {})
    broker.enqueue(message)
    broker.join("beer", timeout=30_000)

    (letter,) = DeadLetters(broker, "beer")
    assert (letter.reason, letter.error) == ("unknown actor", "ActorNotFound: sing")


def test_a_requeued_message_has_all_its_retries_again(
    broker: RedisBroker, served: list[str]
) -> None:
    # Given a dead letter
    send(broker, "nobody")
    letters = DeadLetters(broker, "beer")
    (first,) = letters

    # When it is sent again, and fails again
    assert list(letters.requeue([first])) == [1]
    broker.join("beer", timeout=30_000)

    # Expect it to have been tried twice again, under its old message id
    (second,) = letters
    assert second.deliveries == 2
    assert first.fields
    assert second.fields
    assert second.fields["message_id"] == first.fields["message_id"]
    assert served == []


def test_a_message_that_was_too_old_is_not_when_it_is_requeued(
    broker: RedisBroker, served: list[str]
) -> None:
    # Given a dead letter of an actor that wants nothing older than a minute
    actor = broker.get_actor("pour")
    actor.options["max_age"] = 60_000
    message = actor.message("ann")
    broker.enqueue(message.copy(message_timestamp=message.message_timestamp - 120_000))
    broker.join("beer", timeout=30_000)
    letters = DeadLetters(broker, "beer")
    (letter,) = letters
    assert letter.reason == "expired"

    # When it is sent again
    assert list(letters.requeue([letter])) == [1]
    broker.join("beer", timeout=30_000)

    # Expect it to be done
    assert served == ["ann"]
    assert list(letters) == []


@pytest.mark.usefixtures("served")
def test_a_dead_letter_is_requeued_once_whoever_else_tries(broker: RedisBroker) -> None:
    # Given one dead letter that two people look at
    send(broker, "nobody")
    letters = DeadLetters(broker, "beer")
    seen_by_ann, seen_by_bob = list(letters), list(letters)

    # Expect only one of them to send it
    assert list(letters.requeue(seen_by_ann)) == [1]
    assert list(letters.requeue(seen_by_bob)) == [0]


@pytest.mark.usefixtures("served")
def test_many_dead_letters_are_changed_in_batches(broker: RedisBroker) -> None:
    # Given more dead letters than one batch takes
    count = BATCH_SIZE + 5
    send(broker, *(f"nobody-{number}" for number in range(count)))
    letters = DeadLetters(broker, "beer")

    # When all are deleted
    steps = list(letters.delete(letters.scan()))

    # Expect several bounded steps, and nothing to be left
    assert sum(steps) == count
    assert max(steps) <= BATCH_SIZE
    assert len(letters) == 0
    assert list(letters) == []


def test_large_dead_letters_are_read_and_changed_a_few_at_a_time(broker: RedisBroker) -> None:
    # Given one batch of dead letters by their number, and many by their size
    count, size = 40, MAX_BATCH_BYTES // 2
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", ("x" * size,), {}, {})
    keys = broker.store.keys("beer")
    broker.client.zadd(keys.dead, {f"letter-{number}": number for number in range(count)})
    for number in range(count):
        broker.client.hset(keys.dead_messages, f"letter-{number}", message.encode())
    letters = DeadLetters(broker, "beer")

    # When all are looked at, and sent again
    tracemalloc.start()
    try:
        seen = sum(1 for _ in letters)
        steps = list(letters.requeue(letters.scan()))
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # Expect that to need a fraction of what they have together
    assert (seen, sum(steps), max(steps)) == (count, count, 2)
    assert most_bytes < count * size / 2


def test_a_foreign_id_with_a_colon_is_no_priority(broker: RedisBroker) -> None:
    # Given a dead letter that another program stored under an id such as "order:42"
    keys = broker.store.keys("beer")
    broker.client.zadd(keys.dead, {"order:42": 1})
    broker.client.hset(keys.dead_messages, "order:42", b"{}")

    # When it is put back
    letters = DeadLetters(broker, "beer")
    requeued = sum(letters.requeue(letters.scan()))

    # Expect it to wait in the queue's own list, and not to be lost on the way
    assert requeued == 1
    assert broker.client.lrange(keys.queue, 0, -1) == [b"order:42"]


@pytest.mark.usefixtures("served")
def test_what_another_program_takes_away_leaves_no_details_behind(broker: RedisBroker) -> None:
    # Given two dead letters, one of which a dashboard takes away by stock's keys
    send(broker, "nobody", "nobody else")
    keys = broker.store.keys("beer")
    taken, kept = DeadLetters(broker, "beer")
    broker.client.zrem(keys.dead, taken.id)
    broker.client.hdel(keys.dead_messages, taken.id)

    # When maintenance is done
    broker.store.calls("beer").purge_dead(ttl_ms=1_000_000, at_most=100)

    # Expect the details of the other to be left
    assert broker.client.hkeys(keys.dead_details) == [kept.id.encode()]
