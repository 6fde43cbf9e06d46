"""A limit that actors on several queues share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Limit, cancel, find, pause, paused, purge, resume
from barback.messages.room import Room
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback import RedisBroker

QUEUES = ("bulk", "urgent")


class Office:
    """Two queues whose actors share a limit of one, and may be told to go on one by one.

    Parameters:
      broker: The broker.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self.order: list[str] = []
        self._broker = broker
        self._may_end = threading.Semaphore(0)
        self._workers: list[dramatiq.Worker] = []
        for queue in QUEUES:
            dramatiq.actor(
                broker=broker,
                actor_name=queue,
                queue_name=queue,
                limit=Limit("smtp", at_once=1),
            )(self._work)

    def _work(self, name: str) -> None:
        self.order.append(name)
        self._may_end.acquire(timeout=60)

    def send(self, queue: str, name: str) -> str:
        """Send a message; tells its id."""
        message = self._broker.get_actor(queue).send(name)
        return str(message.options["redis_message_id"])

    def end(self, count: int = 1) -> None:
        """Have as many that run end."""
        self._may_end.release(count)

    def start_worker(self, queue: str, *, threads: int = 2) -> dramatiq.Worker:
        worker = dramatiq.Worker(
            self._broker, queues={queue}, worker_threads=threads, worker_timeout=100
        )
        worker.start()
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        self.end(100)
        for worker in self._workers:
            worker.stop(timeout=10_000)

    def starts(self, *names: str) -> None:
        eventually(lambda: self.order == [*names], complaint=lambda: f"{self.order}")

    def waits(self, redis_id: str) -> None:
        eventually(
            lambda: find(self._broker, redis_id).state == "limited",
            complaint=lambda: f"{find(self._broker, redis_id)}",
        )

    def nothing_is_left(self) -> None:
        eventually(lambda: not any(map(self._broker.do_qsize, QUEUES)))
        keys: Any = self._broker.client.keys("dramatiq:__barback__:*")
        kinds = (b":slots", b":parked", b":lines:")
        assert not [key for key in keys if any(kind in key for kind in kinds)]


@pytest.fixture
def office(broker: RedisBroker) -> Iterator[Office]:
    broker.add_middleware(Control())
    office = Office(broker)
    yield office
    office.close()


def test_a_slot_goes_to_whichever_queue_has_waited_longest(office: Office) -> None:
    # Given one that runs, and three of both queues that wait for it in turn
    for queue in QUEUES:
        office.start_worker(queue)
    office.send("bulk", "b1")
    office.starts("b1")
    for queue, name in (("urgent", "u1"), ("bulk", "b2"), ("urgent", "u2")):
        office.waits(office.send(queue, name))

    # When one after the other ends, expect the next to start
    office.end()
    office.starts("b1", "u1")
    office.end()
    office.starts("b1", "u1", "b2")
    office.end()
    office.starts("b1", "u1", "b2", "u2")
    office.end()
    office.nothing_is_left()


def test_a_paused_queue_does_not_hold_up_the_others(broker: RedisBroker, office: Office) -> None:
    # Given one that runs, one of each queue that waits for it, and a pause of the first's queue
    for queue in QUEUES:
        office.start_worker(queue)
    office.send("bulk", "b1")
    office.starts("b1")
    for queue, name in (("bulk", "b2"), ("urgent", "u1")):
        office.waits(office.send(queue, name))
    pause(broker, "bulk")

    # When it ends, expect the other queue to have its slot
    office.end()
    office.starts("b1", "u1")
    office.end()
    eventually(lambda: broker.do_qsize("urgent") == 0)

    # … and the first one to go on when it is resumed
    assert office.order == ["b1", "u1"]
    resume(broker, "bulk")
    office.starts("b1", "u1", "b2")
    office.end()
    office.nothing_is_left()


@pytest.mark.slow
def test_a_pause_that_ends_by_itself_gives_the_queue_its_share_again(
    broker: RedisBroker, office: Office
) -> None:
    # Given one that waits for another one, whose slot becomes free while its queue is paused
    for queue in QUEUES:
        office.start_worker(queue)
    office.send("urgent", "u1")
    office.starts("u1")
    office.waits(office.send("bulk", "b1"))
    pause(broker, "bulk", for_seconds=5)
    office.end()
    eventually(lambda: broker.do_qsize("urgent") == 0)
    assert office.order == ["u1"]

    # When the pause ends, expect it to run at once
    office.starts("u1", "b1")
    assert not paused(broker)
    office.end()
    office.nothing_is_left()


@pytest.mark.parametrize("what", ["pause", "stop"])
def test_a_slot_that_was_taken_ahead_goes_to_the_others_of_a_queue_that_is_held_up(
    what: str, broker: RedisBroker, office: Office
) -> None:
    # Given one whose worker has taken it ahead, with its slot, while its only thread is busy
    let_go = threading.Event()
    dramatiq.actor(broker=broker, actor_name="busy", queue_name="bulk")(lambda: let_go.wait(60))
    office.start_worker("urgent")
    worker = office.start_worker("bulk", threads=1)
    office.send("urgent", "u1")
    office.starts("u1")
    office.waits(office.send("bulk", "b1"))
    broker.get_actor("busy").send()
    office.waits(office.send("urgent", "u2"))
    eventually(lambda: broker.client.llen(broker.store.keys("bulk").queue) == 0)
    held = broker.store.keys("bulk").slots
    # When its queue is paused, or that worker, which is its only one, is told to stop
    office.end()
    eventually(lambda: broker.client.hlen(held) == 1)
    if what == "pause":
        pause(broker, "bulk")
    else:
        stopping = threading.Thread(target=worker.stop)
        stopping.start()

    # Expect the slot to go to the other queue, though the thread is still busy
    office.starts("u1", "u2")
    assert broker.client.hlen(held) == 0
    let_go.set()

    # … and the one that had it to run later
    if what == "pause":
        resume(broker, "bulk")
    else:
        stopping.join()
        office.start_worker("bulk")
    office.end()
    office.starts("u1", "u2", "b1")
    office.end()
    office.nothing_is_left()


@pytest.mark.parametrize("what", ["pause", "stop", "kill"])
def test_a_slot_in_a_queue_goes_to_the_others_when_nobody_takes_it_from_there(
    what: str, broker: RedisBroker, office: Office
) -> None:
    # Given two that wait at the head of a queue, of which one has the only slot
    ids = [office.send("bulk", name) for name in ("b1", "b2")]
    calls = broker.store.worker_calls("bulk", "worker")
    connections = broker.store.connections_to("bulk")
    calls.join("1", [], connections)
    connections.run(*calls.claiming(1, 1000, "1"))
    assert calls.admit(ids[0], Room("smtp", 1, 0, 0))
    calls.requeue([ids[0]])
    office.start_worker("urgent")
    office.waits(office.send("urgent", "u1"))

    # When the queue is paused, or its only worker goes or dies
    if what == "pause":
        pause(broker, "bulk")
    elif what == "stop":
        calls.leave([])
    else:
        heartbeat = broker.client.zscore(broker.store.keys("bulk").heartbeats, "worker")
        assert calls.recover(str(heartbeat).encode()) == 0

    # Expect the other queue to have the slot, and those to run in their order afterwards
    office.starts("u1")
    assert [find(broker, it).state for it in ids] == ["limited", "waiting"]
    office.start_worker("bulk")
    resume(broker, "bulk")
    office.end()
    office.starts("u1", "b1")
    office.end()
    office.starts("u1", "b1", "b2")
    office.end()
    office.nothing_is_left()


def test_a_slot_of_one_that_is_delayed_by_a_rate_goes_to_the_others_of_a_paused_queue(
    broker: RedisBroker, office: Office
) -> None:
    # Given one that has the only slot, and is delayed since another one has just started
    ids = [office.send("bulk", name) for name in ("b1", "b2")]
    calls = broker.store.worker_calls("bulk", "worker")
    connections = broker.store.connections_to("bulk")
    calls.join("1", [], connections)
    connections.run(*calls.claiming(2, 1000, "1"))
    assert calls.admit(ids[0], Room("smtp", 1, 1, 60_000))
    calls.settle((ids[0], "ack", "", ""), None)
    assert not calls.admit(ids[1], Room("smtp", 1, 1, 60_000))
    slots = broker.store.keys("bulk").slots
    assert broker.client.hlen(slots) == 1
    office.start_worker("urgent")
    office.waits(office.send("urgent", "u1"))

    # When its queue is paused, expect the other one to run, and it to be due as before
    pause(broker, "bulk")
    office.starts("u1")
    assert broker.client.hlen(slots) == 0
    assert find(broker, ids[1]).until
    office.end()


def test_what_is_wrong_with_another_queue_stops_no_heartbeat(broker: RedisBroker) -> None:
    # Given a queue that holds slots and whose heartbeats are something else, and one that holds
    # slots of a worker that is silent
    store = broker.store
    store.register(["strange", "silent"])
    broker.client.hset(store.keys("silent").slots_used, "smtp", 2)
    for name in ("strange", "silent"):
        broker.client.hset(store.keys(name).slots, "id", "2 smtp")
    broker.client.set(store.keys("strange").heartbeats, "something else")
    broker.client.zadd(store.keys("silent").heartbeats, {"worker": 1})

    # When a worker of another queue gives a heartbeat, expect it to hear of the silent one alone
    suspects = store.heartbeat(
        store.connections_to("own"), "me", {"own": True}, suspicious_ms=60_000
    )
    assert suspects == {"own": [], "silent": [b"worker", b"1"]}
    assert broker.client.zscore(store.keys("own").heartbeats, "me")


def test_a_queue_that_nobody_serves_does_not_hold_up_the_others(office: Office) -> None:
    # Given one that runs, and one of each queue that waits for it
    office.start_worker("urgent")
    worker = office.start_worker("bulk")
    office.send("urgent", "u1")
    office.starts("u1")
    for queue, name in (("bulk", "b1"), ("bulk", "b2"), ("urgent", "u2")):
        office.waits(office.send(queue, name))

    # When the worker of the first to wait stops, expect the other to run
    worker.stop()
    office.end()
    office.starts("u1", "u2")

    # … and when another worker starts, those that waited, in their order
    office.start_worker("bulk")
    office.end()
    office.starts("u1", "u2", "b1")
    office.end()
    office.starts("u1", "u2", "b1", "b2")
    office.end()
    office.nothing_is_left()


@pytest.mark.parametrize("how", ["cancel", "purge", "flush"])
def test_what_is_taken_away_makes_room_on_the_other_queue(
    how: str, broker: RedisBroker, office: Office
) -> None:
    # Given one that waits in each queue for one that runs
    for queue in QUEUES:
        office.start_worker(queue)
    office.send("urgent", "u1")
    office.starts("u1")
    waits = office.send("bulk", "b1")
    office.waits(waits)
    office.waits(office.send("urgent", "u2"))

    # When the first to wait is taken away
    if how == "cancel":
        assert cancel(broker, waits) == "cancelled"
    elif how == "purge":
        assert purge(broker, "bulk") == 1
    else:
        broker.flush("bulk")

    # Expect the other to be next
    office.end()
    office.starts("u1", "u2")
    office.end()
    office.nothing_is_left()
