"""Messages of which one at a time is enough."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Unique, cancel, find, purge
from barback.errors import AlreadyEnqueued, InvalidKey
from barback.sending.bulk import enqueue_all
from barback.store.calls import Guard
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


@pytest.fixture
def controlled(broker: RedisBroker) -> RedisBroker:
    broker.add_middleware(Control())
    return broker


def id_of(message: dramatiq.Message[Any]) -> str:
    return str(message.options["redis_message_id"])


def by_order(order: str, *_: object) -> str:
    return order


def declare(
    broker: RedisBroker, unique: Unique, work: Callable[..., Any] | None = None, **options: Any
) -> dramatiq.Actor[..., Any]:
    def pour(order: str, size: int = 1) -> None:
        assert size
        if work is not None:
            work(order)

    return dramatiq.actor(broker=broker, unique=unique, **options)(pour)


def test_another_send_returns_the_message_that_is_on_its_way(controlled: RedisBroker) -> None:
    # Given a message
    pour = declare(controlled, Unique())
    first = pour.send("one", 1)

    # When it is sent again, with its arguments said in other ways; and with another argument
    again = [
        pour.send("one"),
        pour.send(order="one", size=1),
        pour.send_with_options(args=("one",), delay=100),
    ]
    other = pour.send("two")

    # Expect one of each in the queue
    assert {(it.message_id, id_of(it)) for it in again} == {(first.message_id, id_of(first))}
    assert other.message_id != first.message_id
    assert controlled.queue_length("default") == 2
    assert find(controlled, again[2].message_id).state == "waiting"


def test_a_delayed_message_keeps_others_away(controlled: RedisBroker) -> None:
    pour = declare(controlled, Unique(key=by_order))
    first = pour.send_with_options(args=("one",), delay=60_000)

    assert pour.send("one", 2).message_id == first.message_id
    assert controlled.queue_length("default") == 0


def test_another_send_may_raise(controlled: RedisBroker) -> None:
    pour = declare(controlled, Unique(on_conflict="raise"))
    first = pour.send("one")

    with pytest.raises(AlreadyEnqueued, match="actor 'pour' with the unique key 'pour:") as caught:
        pour.send("one")

    assert (caught.value.message_id, caught.value.redis_id) == (first.message_id, id_of(first))


@pytest.mark.parametrize("delay", [None, 60_000])
def test_another_send_may_replace(delay: int | None, controlled: RedisBroker) -> None:
    # Given a message that waits or is delayed
    pour = declare(controlled, Unique(key=by_order, on_conflict="replace"))
    first = pour.send_with_options(args=("one", 1), delay=delay)

    # When one with the same key is sent
    second = pour.send("one", 2)

    # Expect it to be the only one, and the first to say what has become of it
    assert second.message_id != first.message_id
    assert controlled.queue_length("default") == 1
    assert find(controlled, id_of(second)).state == "waiting"
    for status in (find(controlled, id_of(first)), find(controlled, first.message_id)):
        assert status.state == "cancelled"
        assert status.reason == f"replaced by {second.message_id}"


def test_it_keeps_others_away_between_its_retries(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message that has failed, and is to be retried
    def work(_: str) -> None:
        raise RuntimeError("try again")

    pour = declare(controlled, Unique(), work, min_backoff=60_000)
    first = pour.send("one")
    run_worker()
    eventually(lambda: find(controlled, first.message_id).state == "retrying")

    # When it is sent again, expect nothing to be sent
    assert pour.send("one").message_id == first.message_id
    assert controlled.queue_length("default") == 0


def test_it_keeps_others_away_while_it_runs_until_it_has_ended(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker], redis_client: redis.Redis
) -> None:
    # Given a message that is sent again while it runs, and fails twice
    runs: list[str] = []
    answers: list[str] = []

    def work(order: str) -> None:
        runs.append(order)
        answers.append(pour.send(order).message_id)
        if len(runs) < 3:
            raise RuntimeError("try again")

    pour = declare(controlled, Unique(), work, min_backoff=1, max_backoff=1)
    first = pour.send("one")

    # When it has ended
    run_worker()
    eventually(lambda: len(runs) == 3 and redis_client.exists(keys_of(redis_client).claims) == 0)

    # Expect nothing to have been sent but its retries, and the way to be free
    assert answers == [first.message_id] * 3
    assert pour.send("one").message_id != first.message_id


def test_it_may_keep_others_away_only_until_it_starts(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given one that runs
    started, go_on = threading.Event(), threading.Event()

    def work(_: str) -> None:
        started.set()
        go_on.wait(60)

    pour = declare(controlled, Unique(until="start"), work)
    first = pour.send("one")
    assert pour.send("one").message_id == first.message_id
    run_worker(threads=1)
    assert started.wait(60)

    # When another two are sent
    second, third = pour.send("one"), pour.send("one")
    go_on.set()

    # Expect the first of them to wait
    assert second.message_id != first.message_id
    assert third.message_id == second.message_id


def test_it_may_keep_others_away_for_some_time_after_it_has_ended(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    ran = threading.Event()
    pour = declare(controlled, Unique(for_seconds=3), lambda _: ran.set())
    first = pour.send("one")
    run_worker()
    assert ran.wait(60)
    eventually(lambda: controlled.do_qsize("default") == 0)

    assert pour.send("one").message_id == first.message_id

    eventually(lambda: pour.send("one").message_id != first.message_id)


@pytest.mark.parametrize("ending", ["dead", "expired", "cancelled", "purged", "flushed"])
def test_it_keeps_nobody_away_once_it_has_ended_in_any_way(
    ending: str, controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message that ends badly
    def work(_: str) -> None:
        raise RuntimeError

    pour = declare(controlled, Unique(), work, max_retries=0, max_age=60_000)
    if ending == "expired":
        first = controlled.enqueue(pour.message("one").copy(message_timestamp=1))
    else:
        first = pour.send("one")
    if ending in {"dead", "expired"}:
        worker = run_worker()
        eventually(lambda: find(controlled, id_of(first)).state == ending)
        worker.stop()
    elif ending == "cancelled":
        cancel(controlled, id_of(first))
    elif ending == "purged":
        purge(controlled, "default")
    else:
        controlled.flush("default")

    # When another one is sent
    second = pour.send("one")

    # Expect it to be sent
    assert second.message_id != first.message_id
    assert controlled.queue_length("default") == 1


def test_a_bulk_sends_each_once(controlled: RedisBroker) -> None:
    pour = declare(controlled, Unique())

    enqueue_all(controlled, [pour.message(name) for name in ("one", "two", "one")])
    enqueue_all(controlled, [pour.message("two")], delay_ms=60_000)

    assert controlled.queue_length("default") == 2


def test_a_token_and_a_unique_key_both_count(controlled: RedisBroker) -> None:
    pour = declare(controlled, Unique())
    pour.send("one")

    assert controlled.enqueue_once(pour.message("one"), token="t", ttl_seconds=60) is None
    assert controlled.enqueue_once(pour.message("two"), token="u", ttl_seconds=60) is not None
    assert controlled.enqueue_once(pour.message("two"), token="u", ttl_seconds=60) is None
    assert controlled.queue_length("default") == 2


def test_a_send_that_is_said_again_is_the_same_send(controlled: RedisBroker) -> None:
    # Given a call whose answer was lost
    calls, guard = controlled.store.calls("default"), Guard(unique_key="pour:one")

    def send(redis_id: str) -> tuple[str, str] | None:
        return calls.enqueue_guarded(
            redis_id, b"{}", message_id=f"of {redis_id}", delay_ms=None, guard=guard,
            confirmation=None,
        )  # fmt: skip

    send("first")

    # When it is made again, expect the same success, also after another one was kept away
    assert send("first") == ("first", "of first")
    assert send("second") == ("first", "of first")
    assert send("first") == ("first", "of first")
    assert controlled.queue_length("default") == 1


def test_many_senders_at_once_send_one(controlled: RedisBroker) -> None:
    # Given eight threads that wait for each other
    pour = declare(controlled, Unique())
    barrier = threading.Barrier(8)
    answers: list[str] = []

    def send() -> None:
        barrier.wait(60)
        answers.append(pour.send("one").message_id)

    # When all send the same
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    # Expect one message, of which all have the id
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert controlled.queue_length("default") == 1


def test_a_key_that_cannot_be_made_is_an_error(controlled: RedisBroker) -> None:
    pour = declare(controlled, Unique(key=lambda order: order))

    with pytest.raises(InvalidKey, match="'pour' cannot be made of its arguments: TypeError"):
        pour.send("one", 2)

    assert controlled.queue_length("default") == 0


def test_a_retry_needs_no_key(controlled: RedisBroker) -> None:
    # Given a message of a producer that is older or newer than the actor
    pour = declare(controlled, Unique(key=lambda order: order))
    message = pour.message("one", 2, 3).copy(options={"retries": 1, "attempts": []})

    controlled.enqueue(message)

    assert controlled.queue_length("default") == 1


def test_wrong_options_are_refused_when_the_actor_is_declared(controlled: RedisBroker) -> None:
    with pytest.raises(ValueError, match=r"to be a barback.control.Unique, got True"):
        declare(controlled, True)  # type: ignore[arg-type]  # noqa: FBT003
    with pytest.raises(ValueError, match="'return', 'raise', 'replace', got 'ignore'"):
        Unique(on_conflict="ignore")  # type: ignore[arg-type]
