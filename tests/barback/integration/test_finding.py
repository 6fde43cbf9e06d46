"""What becomes of a message, told by its id."""

from __future__ import annotations

import json
import threading
import time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, cancel, find, progress
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from barback import RedisBroker
    from barback.control import MessageStatus

pytestmark = pytest.mark.everywhere


def redis_id_of(message: dramatiq.Message[Any]) -> str:
    return str(message.options["redis_message_id"])


def state_becomes(broker: RedisBroker, message: dramatiq.Message[Any], state: str) -> MessageStatus:
    def found() -> MessageStatus | None:
        status = find(broker, redis_id_of(message))
        return status if status.state == state else None

    status = eventually(found, complaint=lambda: f"{find(broker, redis_id_of(message))}")
    assert status is not None
    return status


def test_a_message_that_waits_has_a_position(broker: RedisBroker) -> None:
    # Given three messages, one of them urgent
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda _: None)
    first, second = note.send("a"), note.send("b")
    urgent = note.send_with_options(args=("c",), priority=-5)

    # When each is looked for by both of its ids
    positions = {
        number: [find(broker, it).position for it in (redis_id_of(message), message.message_id)]
        for number, message in enumerate([urgent, first, second])
    }

    # Expect the urgent one to be the first
    assert positions == {0: [0, 0], 1: [1, 1], 2: [2, 2]}
    status = find(broker, second.message_id)
    assert (status.state, status.queue_name, status.actor_name) == ("waiting", "default", "note")
    assert status.attempt == 1


def test_a_delayed_message_says_when_it_is_due(broker: RedisBroker) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    message = note.send_with_options(delay=60_000)

    status = find(broker, message.message_id)

    assert status.state == "delayed"
    assert status.until == pytest.approx(time.time() + 60, abs=5)


def test_a_running_message_says_where_and_how_far_it_is(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given an actor that says how far it is
    go_on = threading.Event()

    @dramatiq.actor(broker=broker)
    def work() -> None:
        progress(12, 31, "day 12")
        go_on.wait(60)

    message = work.send()
    run_worker()

    # When it runs
    status = eventually(
        lambda: next((s for s in [find(broker, message.message_id)] if s.progress), None)
    )
    go_on.set()

    # Expect to see all of it
    assert status is not None
    assert status.state == "running"
    assert status.progress is not None
    assert vars(status.progress) == {"done": 12, "total": 31, "text": "day 12"}
    assert status.since == pytest.approx(time.time(), abs=10)
    assert status.worker
    assert status.thread
    assert status.attempt == 1
    # … and nothing to be known of it once it has ended
    state_becomes(broker, message, "unknown")


def test_what_a_busy_worker_has_taken_ahead_is_taken(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    go_on = threading.Event()
    dramatiq.actor(broker=broker, actor_name="work")(lambda: go_on.wait(60) and None)
    first, second = (broker.get_actor("work").send() for _ in range(2))
    run_worker(threads=1)

    state_becomes(broker, first, "running")
    status = state_becomes(broker, second, "taken")
    go_on.set()

    assert status.worker


def test_a_message_that_failed_says_why_and_when_it_runs_again(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    broker.add_middleware(Control())

    @dramatiq.actor(broker=broker, min_backoff=60_000, max_retries=3)
    def fail() -> None:
        raise RuntimeError("no beer today")

    message = fail.send()
    run_worker()

    status = eventually(
        lambda: next((s for s in [find(broker, message.message_id)] if s.state == "retrying"), None)
    )

    assert status is not None
    assert (status.attempt, status.max_retries) == (2, 3)
    assert status.error == "RuntimeError: no beer today"
    assert status.until is not None
    assert status.until > time.time()
    # … also by the id that its first entry had
    assert find(broker, redis_id_of(message)) == status


def test_a_message_is_found_by_its_first_id_through_all_of_its_retries(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message that fails twice, and others that do
    broker.add_middleware(Control(remember_seconds=60))
    seen: list[str] = []

    @dramatiq.actor(broker=broker, min_backoff=10, max_backoff=10, priority=3)
    def work(name: str) -> None:
        if name == "it":
            seen.append(find(broker, redis_id_of(message)).id)
        if len(seen) < 3:
            raise RuntimeError

    message, *_ = work.send("it"), work.send("another"), work.send("a third")

    # When it has ended well
    run_worker(threads=1)
    status = state_becomes(broker, message, "done")

    # Expect each of its entries to have been found by the first one's id
    first = redis_id_of(message)
    assert seen == [first, f"{first}.1", f"{first}.2"]
    assert (status.id, status.attempt) == (f"{first}.2", 3)
    assert status.message_id == message.message_id


@pytest.mark.parametrize("delay_ms", [None, 60_000])
def test_dramatiq_s_id_is_found_without_reading_all_messages(
    broker: RedisBroker, delay_ms: int | None
) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    messages = [note.send_with_options(delay=delay_ms, priority=n % 3) for n in range(50)]

    for message in messages:
        status = find(broker, message.message_id, search_at_most=0)
        assert status.id == redis_id_of(message)


def test_messages_with_one_id_of_dramatiq_s_have_entries_of_their_own(broker: RedisBroker) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    message = note.message()

    entries = {redis_id_of(broker.enqueue(message)) for _ in range(50)}

    assert len(entries) == broker.queue_length("default") == 50


def test_a_dead_message_says_why(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    @dramatiq.actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise RuntimeError("no beer today")

    message = fail.send()
    run_worker()

    status = state_becomes(broker, message, "dead")
    assert (status.reason, status.error) == ("failed", "RuntimeError: no beer today")
    assert "Traceback" in (status.traceback or "")
    assert find(broker, message.message_id).state == "dead"


def test_a_message_that_became_too_old_is_recorded_as_expired(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message that is older than its actor wants
    ran: list[str] = []
    note = dramatiq.actor(broker=broker, actor_name="note", max_age=1_000)(ran.append)
    message = note.message("late").copy(message_timestamp=int(time.time() * 1000) - 2_000)
    message = broker.enqueue(message)

    # When a worker gets to it
    run_worker()

    # Expect a dead letter that says so, and that it did not run
    status = state_becomes(broker, message, "expired")
    assert status.reason == "expired"
    assert ran == []


def test_a_progress_may_be_told_in_numbers_of_another_kind(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    broker.add_middleware(Control(remember_seconds=60))
    half = dramatiq.actor(broker=broker, actor_name="half")(
        lambda: progress(Decimal("0.5"), Fraction(2, 2))
    )
    message = half.send()
    run_worker(threads=1)

    status = state_becomes(broker, message, "done")
    assert status.progress is not None
    assert vars(status.progress) == {"done": 0.5, "total": 1, "text": ""}


def test_ended_messages_are_remembered_where_that_is_wanted(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given that two of a queue are remembered
    broker.add_middleware(Control(remember_seconds=60, remember_count=2))
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: progress(3, 3, "noted"))
    messages = [note.send() for _ in range(3)]

    # When three have ended
    run_worker(threads=1)
    status = state_becomes(broker, messages[2], "done")

    # Expect the latest two to be found by either id
    assert find(broker, messages[2].message_id).state == "done"
    assert status.actor_name == "note"
    assert status.progress is not None
    assert vars(status.progress) == {"done": 3, "total": 3, "text": "noted"}
    assert status.since == pytest.approx(time.time(), abs=10)
    assert status.worker
    assert find(broker, redis_id_of(messages[0])).state == "unknown"
    assert broker.client.hlen(keys_of(broker.client).ended_details) == 4


def test_who_cancels_forgets_nothing_that_workers_want_to_remember(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given that workers remember more messages of a queue than are remembered of cancelled ones
    monkeypatch.setattr("barback.control.cancelling.KEEP_COUNT", 2)
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    calls, ended = broker.store.control_calls("default"), keys_of(broker.client).ended
    records = [(f"id-{n}", f"m-{n}", json.dumps({"message_id": f"m-{n}"})) for n in range(6)]
    for record in records[:5]:
        calls.remember(record, ttl_ms=60_000, max_count=100)

    # When some are cancelled
    for _ in range(2):
        cancel(broker, note.send().message_id)

    # Expect as many to be remembered as before
    assert broker.client.zcard(ended) == 5

    # And no more than workers want, once they want fewer
    calls.remember(records[5], ttl_ms=60_000, max_count=3)
    assert broker.client.zcard(ended) == 3
    assert broker.client.hlen(keys_of(broker.client).ended_details) == 6


def test_remembered_messages_are_forgotten_in_time(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    broker.add_middleware(Control(remember_seconds=0.2))
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    first = note.send()
    run_worker()
    ended = keys_of(broker.client).ended
    eventually(lambda: broker.client.zcard(ended))

    def sent_another() -> bool:
        note.send()
        return broker.client.zscore(ended, redis_id_of(first)) is None

    eventually(sent_another)


def test_a_search_says_how_far_it_went(broker: RedisBroker) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    for _ in range(3):
        note.send()

    whole = find(broker, "no-such-message")
    partial = find(broker, "no-such-message", search_at_most=2)

    assert (whole.state, whole.searched, whole.is_search_complete) == ("unknown", 3, True)
    assert (partial.state, partial.searched, partial.is_search_complete) == ("unknown", 2, False)


def test_what_is_no_message_is_found_as_well(
    broker: RedisBroker, redis_client: redis.Redis
) -> None:
    broker.store.register(["default"])
    redis_client.hset(keys_of(redis_client).messages, "evil", "{")
    redis_client.rpush(keys_of(redis_client).queue, "evil")

    status = find(broker, "evil")

    assert status.state == "waiting"
    assert status.error
    assert cancel(broker, "evil") == "cancelled"
