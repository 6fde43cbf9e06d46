"""A limit that actors on several queues share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Limit, cancel, find, pause, purge, resume
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
        self._may_end.acquire(timeout=20)

    def send(self, queue: str, name: str) -> str:
        """Send a message; tells its id."""
        message = self._broker.get_actor(queue).send(name)
        return str(message.options["redis_message_id"])

    def end(self, count: int = 1) -> None:
        """Have as many that run end."""
        self._may_end.release(count)

    def start_worker(self, queue: str) -> dramatiq.Worker:
        worker = dramatiq.Worker(self._broker, queues={queue}, worker_threads=2, worker_timeout=100)
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
