"""At most so many at a time, and in a time."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Limit, cancel, find, pause, purge, resume, run_now
from barback.messages.room import Room
from barback.monitoring.queues import queue_statuses
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

LIMIT_KEYS = "dramatiq:*__barback__*"


@pytest.fixture
def controlled(broker: RedisBroker) -> RedisBroker:
    broker.add_middleware(Control())
    return broker


def id_of(message: dramatiq.Message[Any]) -> str:
    return str(message.options["redis_message_id"])


class Kitchen:
    """Counts who is at work, by the key of the limit.

    Parameters:
      broker: The broker.
      limit: The limit.
      seconds: How long each takes.
    """

    def __init__(self, broker: RedisBroker, limit: Limit, seconds: float = 0.0) -> None:
        self.order: list[str] = []
        self.most: defaultdict[str, int] = defaultdict(int)
        self.started_at: list[float] = []
        self.go_on = threading.Event()
        self._at_work: Counter[str] = Counter()
        self._seconds = seconds
        self._lock = threading.Lock()
        self.actor = dramatiq.actor(broker=broker, actor_name="cook", limit=limit)(self._cook)

    def _cook(self, name: str, key: str = "") -> None:
        with self._lock:
            self.started_at.append(time.monotonic())
            self.order.append(name)
            self._at_work[key] += 1
            self.most[key] = max(self.most[key], self._at_work[key])
        self.go_on.wait(self._seconds)
        with self._lock:
            self._at_work[key] -= 1


def nothing_is_left(broker: RedisBroker, client: redis.Redis) -> None:
    eventually(
        lambda: broker.do_qsize("default") == 0, complaint=lambda: f"{client.keys(LIMIT_KEYS)}"
    )
    kinds = (":slots", ":parked", ":lines:")
    assert not [key for key in client.keys(LIMIT_KEYS) if any(kind in key for kind in kinds)]


def test_no_more_than_so_many_run_at_once_across_workers(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given many messages with a limit of two, and two workers of four threads
    kitchen = Kitchen(controlled, Limit("stove", at_once=2), seconds=0.02)
    names = [f"{number:02}" for number in range(40)]
    for name in names:
        kitchen.actor.send(name)

    # When they work
    run_worker(threads=4)
    run_worker(threads=4)

    # Expect all to be done once, two at a time, and no slot to be left
    eventually(lambda: len(kitchen.order) == 40, timeout_seconds=60)
    nothing_is_left(controlled, redis_client)
    assert sorted(kitchen.order) == names
    assert kitchen.most[""] == 2


def test_those_that_wait_keep_their_order(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    kitchen = Kitchen(controlled, Limit("stove", at_once=1), seconds=0.005)
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        kitchen.actor.send(name)

    run_worker(threads=1)

    eventually(lambda: len(kitchen.order) == 20, timeout_seconds=60)
    assert kitchen.order == names


def test_those_that_wait_for_room_count_as_waiting(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message that holds the only slot, and three that their worker has found no room for
    kitchen = Kitchen(controlled, Limit("stove", at_once=1), seconds=20)
    for name in ("a", "b", "c", "d"):
        kitchen.actor.send(name)
    run_worker(threads=4)
    eventually(lambda: [it.limited for it in queue_statuses(controlled)] == [3])

    # Expect whoever keeps a queue from growing without end to be told of them
    assert controlled.queue_length("default") == 3
    kitchen.go_on.set()
    eventually(lambda: len(kitchen.order) == 4)
    assert controlled.queue_length("default") == 0


def test_each_key_has_a_limit_of_its_own_and_nobody_else_waits(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a message that holds the only slot of its key, and one more of that key
    kitchen = Kitchen(controlled, Limit(lambda _, key: key, at_once=1), seconds=60)
    noted = threading.Event()
    dramatiq.actor(broker=controlled, actor_name="note")(noted.set)
    kitchen.actor.send("a1", "a")
    run_worker(threads=3)
    eventually(lambda: kitchen.order == ["a1"])
    waits = kitchen.actor.send("a2", "a")
    eventually(lambda: find(controlled, id_of(waits)).state == "limited")

    # When one of another key, and a plain one come
    kitchen.actor.send("b1", "b")
    controlled.get_actor("note").send()

    # Expect both to run meanwhile
    assert noted.wait(60)
    eventually(lambda: kitchen.order == ["a1", "b1"])
    status = find(controlled, id_of(waits))
    assert (status.state, status.limit, status.attempt) == ("limited", "a", 1)
    eventually(lambda: [(it.limited, it.running) for it in queue_statuses(controlled)] == [(1, 2)])
    # … and the other one when there is room
    kitchen.go_on.set()
    eventually(lambda: kitchen.order == ["a1", "b1", "a2"])
    nothing_is_left(controlled, redis_client)


def test_a_failure_gives_its_slot_back_until_the_retry(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given one that fails, and one that waits for it
    runs: list[str] = []

    @dramatiq.actor(
        broker=controlled, limit=Limit("stove", at_once=1), min_backoff=200, max_backoff=200
    )
    def cook(name: str) -> None:
        runs.append(name)
        if runs == ["first"]:
            raise RuntimeError

    cook.send("first")
    cook.send("second")

    run_worker(threads=1)

    eventually(lambda: runs == ["first", "second", "first"], complaint=lambda: f"{runs}")
    nothing_is_left(controlled, redis_client)


@pytest.mark.parametrize("what", ["waiting", "running", "purged"])
def test_what_is_cancelled_or_purged_gives_way(
    what: str,
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given one that runs, and two that wait for it
    kitchen = Kitchen(controlled, Limit("stove", at_once=1), seconds=60)
    messages = [kitchen.actor.send("one")]
    run_worker(threads=2)
    eventually(lambda: kitchen.order == ["one"])
    messages += [kitchen.actor.send(name) for name in ("two", "three")]
    eventually(lambda: find(controlled, id_of(messages[2])).state == "limited")

    # When one of them, or all that wait, are taken away
    if what == "purged":
        assert purge(controlled, "default") == 2
    else:
        cancel(controlled, id_of(messages[1 if what == "waiting" else 0]))
    kitchen.go_on.set()

    # Expect the others to run
    left = {"waiting": ["one", "three"], "running": ["one", "two", "three"], "purged": ["one"]}
    eventually(lambda: kitchen.order == left[what], complaint=lambda: f"{kitchen.order}")
    nothing_is_left(controlled, redis_client)


def test_a_dead_worker_s_slot_comes_back_with_its_message(
    controlled: RedisBroker,
    recover: Callable[[], int],
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a message that started in a worker which then died, and one that waits for it
    kitchen = Kitchen(controlled, Limit("stove", at_once=1))
    kitchen.actor.send("one")
    consumer = controlled.consume("default")
    delivery: Any = eventually(lambda: next(consumer))
    calls = controlled.store.worker_calls("default", controlled.broker_id)
    assert calls.admit(delivery.redis_id, Room("stove", 1, 0, 0))
    kitchen.actor.send("two")

    # When its worker is recovered, and another one starts
    assert recover() == 1
    consumer.close()
    run_worker()

    # Expect both to run, the one that had the slot first
    eventually(lambda: kitchen.order == ["one", "two"], complaint=lambda: f"{kitchen.order}")
    nothing_is_left(controlled, redis_client)


def test_the_slot_of_a_cancelled_message_comes_back_when_its_worker_is_recovered(
    controlled: RedisBroker,
    recover: Callable[[], int],
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a message that was cancelled while it ran in a worker which then died
    kitchen = Kitchen(controlled, Limit("stove", at_once=1))
    message = kitchen.actor.send("one")
    consumer = controlled.consume("default")
    delivery: Any = eventually(lambda: next(consumer))
    calls = controlled.store.worker_calls("default", controlled.broker_id)
    assert calls.admit(delivery.redis_id, Room("stove", 1, 0, 0))
    assert cancel(controlled, id_of(message)) == "asked"

    # When its worker is recovered
    assert recover() == 0

    # Expect nothing to be left of it, and the next one to run
    nothing_is_left(controlled, redis_client)
    assert not redis_client.exists("dramatiq:__barback__:default:cancelling")
    consumer.close()
    kitchen.actor.send("two")
    run_worker()
    eventually(lambda: kitchen.order == ["two"])


def test_a_start_that_is_asked_for_again_takes_one_slot(
    controlled: RedisBroker, redis_client: redis.Redis
) -> None:
    # Given a message that was let start, in an answer that was lost
    kitchen = Kitchen(controlled, Limit("stove", at_once=2))
    kitchen.actor.send("one")
    kitchen.actor.send("two")
    consumer = controlled.consume("default", prefetch=2)
    first: Any = eventually(lambda: next(consumer))
    second: Any = eventually(lambda: next(consumer))
    calls = controlled.store.worker_calls("default", controlled.broker_id)
    room = Room("stove", 1, 0, 0)
    assert calls.admit(first.redis_id, room)

    # When it is asked for again, expect the same answer; and for another one, twice that it waits
    assert calls.admit(first.redis_id, room)
    assert not calls.admit(second.redis_id, room)
    assert not calls.admit(second.redis_id, room)
    assert redis_client.hgetall(keys_of(redis_client).slots_used) == {"stove": "1"}
    assert redis_client.llen(f"{keys_of(redis_client).parked}:stove") == 1
    consumer.close()


def test_a_slot_whose_message_is_lost_is_cleared_away(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a slot whose holder was deleted by somebody else, and a message that waits for it
    kitchen = Kitchen(controlled, Limit("stove", at_once=1))
    redis_client.hset(keys_of(redis_client).slots, "lost", "1 stove")
    redis_client.hset(keys_of(redis_client).slots_used, "stove", 1)
    message = kitchen.actor.send("one")
    run_worker()
    eventually(lambda: kitchen.order or find(controlled, id_of(message)).state == "limited")

    # When a worker does its maintenance
    controlled.store.control_calls("default").sweep([])

    # Expect the message to run
    eventually(lambda: kitchen.order == ["one"])
    nothing_is_left(controlled, redis_client)


@pytest.mark.parametrize(
    "room", [Room("stove", 1, 0, 0), Room("stove", 0, 1, 60_000), Room("stove", 1, 1, 60_000)]
)
def test_what_is_cancelled_before_it_finds_no_room_waits_for_none(
    room: Room, controlled: RedisBroker, redis_client: redis.Redis
) -> None:
    # Given a message that has started, and one that its worker holds when it is cancelled
    kitchen = Kitchen(controlled, Limit("stove", at_once=1))
    messages = [kitchen.actor.send(name) for name in ("one", "two")]
    consumer = controlled.consume("default", prefetch=2)
    deliveries: list[Any] = [eventually(lambda: next(consumer)) for _ in messages]
    first, second = deliveries
    calls = controlled.store.worker_calls("default", controlled.broker_id)
    assert calls.admit(first.redis_id, room)
    assert cancel(controlled, id_of(messages[1])) == "asked"

    # When a thread gets to it before the worker has heard of that
    assert not calls.admit(second.redis_id, room)

    # Expect it to be gone
    assert find(controlled, id_of(messages[1])).state == "cancelled"
    consumer.ack(first)
    consumer.close()
    nothing_is_left(controlled, redis_client)
    assert not redis_client.exists("dramatiq:__barback__:default:cancelling")


def test_no_more_than_so_many_start_in_a_time(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a limit of three in 0.8 s
    kitchen = Kitchen(controlled, Limit("stove", rate=3, per_seconds=0.8))
    names = [f"{number}" for number in range(9)]
    messages = [kitchen.actor.send(name) for name in names]

    # When two workers have nine to do
    run_worker(threads=2)
    run_worker(threads=2)
    eventually(lambda: find(controlled, id_of(messages[8])).state == "limited")
    assert find(controlled, id_of(messages[8])).until

    # Expect any four of them to take longer than that together
    eventually(lambda: len(kitchen.order) == 9, timeout_seconds=60)
    starts = sorted(kitchen.started_at)
    gaps = [later - earlier for earlier, later in zip(starts, starts[3:], strict=False)]
    assert min(gaps) > 0.3, gaps  # the time is that of the admission, a little before the start
    assert sorted(kitchen.order) == names
    nothing_is_left(controlled, redis_client)


@pytest.mark.parametrize(("taken_away", "ahead"), [([1, 2, 3], 0), ([1], 3), ([3], 2)])
def test_nobody_waits_for_the_time_of_what_was_cancelled(
    taken_away: list[int],
    ahead: int,
    controlled: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given one that has started, and three that each wait for an hour more
    kitchen = Kitchen(controlled, Limit("stove", rate=1, per_seconds=3600))
    messages = [kitchen.actor.send(name) for name in ("one", "two", "three", "four")]
    run_worker(threads=1)
    times = [_until(controlled, message) for message in messages[1:]]

    # When some of them are cancelled, and another one is sent
    for number in taken_away:
        assert cancel(controlled, id_of(messages[number])) == "cancelled"
    until = _until(controlled, kitchen.actor.send("five"))

    # Expect it to wait for those that are left
    assert until == pytest.approx(times[0] + 3600 * ahead, abs=1)


def test_one_that_comes_a_moment_early_keeps_its_place(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given one that has started, and two that each wait for an hour more
    kitchen = Kitchen(controlled, Limit("stove", rate=1, per_seconds=3600))
    messages = [kitchen.actor.send(name) for name in ("one", "two", "three")]
    run_worker(threads=1)
    times = [_until(controlled, message) for message in messages[1:]]

    # When the first of these comes before there is room
    assert run_now(controlled, id_of(messages[1]))

    # Expect it to wait for its hour again, and not behind the other
    assert _until(controlled, messages[1]) == times[0]


def _until(broker: RedisBroker, message: dramatiq.Message[Any]) -> float:
    """When a message has room under its limit, as soon as it waits for that."""
    until: Any = eventually(lambda: find(broker, id_of(message)).until)
    return float(until)


def test_a_rate_and_a_number_at_once_go_together(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    kitchen = Kitchen(controlled, Limit("stove", at_once=2, rate=4, per_seconds=0.2), seconds=0.02)
    for number in range(12):
        kitchen.actor.send(f"{number:02}")

    run_worker(threads=4)

    eventually(lambda: len(kitchen.order) == 12, timeout_seconds=60)
    assert kitchen.most[""] <= 2
    nothing_is_left(controlled, redis_client)


def test_a_paused_queue_holds_back_what_a_slot_becomes_free_for(
    controlled: RedisBroker,
    redis_client: redis.Redis,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given one that runs and one that waits for it, on a queue that is paused meanwhile
    kitchen = Kitchen(controlled, Limit("stove", at_once=1), seconds=60)
    messages = [kitchen.actor.send("one")]
    run_worker(threads=2)
    eventually(lambda: kitchen.order == ["one"])
    messages.append(kitchen.actor.send("two"))
    eventually(lambda: find(controlled, id_of(messages[1])).state == "limited")
    pause(controlled, "default")

    # When the first ends
    kitchen.go_on.set()
    eventually(lambda: redis_client.hlen(keys_of(redis_client).messages) == 1)

    # Expect the second to run when the queue is resumed
    assert (kitchen.order, find(controlled, id_of(messages[1])).state) == (["one"], "limited")
    resume(controlled, "default")
    eventually(lambda: kitchen.order == ["one", "two"])
    nothing_is_left(controlled, redis_client)


def test_the_worker_s_limit_counts_whoever_has_sent_the_message(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given messages of a program that does not know the actor
    for number in range(8):
        controlled.enqueue(dramatiq.Message("default", "cook", (f"{number}",), {}, {}))
    kitchen = Kitchen(controlled, Limit("stove", at_once=1), seconds=0.02)

    # When a worker does them, expect one at a time
    run_worker(threads=4)
    eventually(lambda: len(kitchen.order) == 8)
    assert kitchen.most[""] == 1


def test_a_message_whose_key_cannot_be_made_fails(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a message whose arguments are not those of its actor
    limit = Limit(lambda name: name, at_once=1)
    ran: list[str] = []
    dramatiq.actor(broker=controlled, actor_name="cook", limit=limit, max_retries=0)(ran.append)
    message = controlled.enqueue(dramatiq.Message("default", "cook", (1, 2), {}, {}))
    good = controlled.get_actor("cook").send("good")

    # When a worker gets to it
    run_worker(threads=1)

    # Expect it to be dead with the reason, and the others to run
    eventually(lambda: find(controlled, id_of(message)).state == "dead")
    assert "cannot be made of its arguments" in (find(controlled, id_of(message)).error or "")
    eventually(lambda: ran == ["good"])
    assert good


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "at_once or rate"),
        ({"at_once": 0}, "at_once to be a whole number from 1, got 0"),
        ({"rate": 1.5}, "rate to be a whole number from 1, got 1.5"),
        ({"rate": 1, "per_seconds": 0}, "per_seconds to be more than 0 and finite, got 0"),
    ],
)
def test_a_limit_of_nothing_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Limit("stove", **arguments)
