"""A worker that does one step at a time, in the thread of the test."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from barback import RedisBroker
from barback.consuming.consumer import QueueConsumer
from barback.consuming.worker import WorkerState
from barback.errors import WorkersDied
from barback.recovery.poison import CRASHES_BEFORE_ALONE, PoisonMessages
from tests.support.flaky_network import FlakyNetwork

if TYPE_CHECKING:
    from barback.messages.delivery import Delivery
    from barback.store.store import Store

#: How many messages it holds at the most.
PREFETCH = 3

#: How long a step may wait, in milliseconds.
STEP_MS = 1


@dataclass(frozen=True)
class WorkItem:
    """As Dramatiq puts it into a worker's queue."""

    priority: int
    message: Any


class StepwiseWorker:
    """A consumer of the queue ``jobs`` and what Dramatiq's threads would do around it.

    Parameters:
      url: The server.
      worker_id: The id under which it holds messages.
      shares_line: Whether it serves several queues, as far as its consumer can tell.
    """

    def __init__(self, url: str, worker_id: str, *, shares_line: bool) -> None:
        self.worker_id = worker_id
        self.network = FlakyNetwork(url)
        self.broker = RedisBroker(client=self.network.client(), middleware=[])
        store = self.broker.store
        self.state = WorkerState(
            store,
            worker_id,
            recovery=self.broker._recovery,
            poison=PoisonMessages(store),
            confirmation=None,
            queue_count=2 if shares_line else 1,
        )
        self.state.prefetch_is_fixed = True
        self.state.heartbeat = NoHeartbeat()  # type: ignore[assignment]
        if shares_line:
            self.state.doorbell = ManualDoorbell(store, worker_id)  # type: ignore[assignment]
        self.consumer = QueueConsumer(store, self.state, "jobs", PREFETCH, STEP_MS)
        self.running: list[Delivery] = []

    @property
    def held_ids(self) -> list[str]:
        return self.state.in_flight("jobs").known_ids()

    def step(self) -> None:
        """What the consumer thread does next."""
        if isinstance(self.state.doorbell, ManualDoorbell):
            self.state.doorbell.listen()
        delivery = next(self.consumer)
        if delivery is not None:
            self.state.work_queue.put(WorkItem(0, delivery))

    def start(self) -> Delivery | None:
        """A worker thread takes a message and starts it, unless too many workers died over it."""
        if self.state.work_queue.empty():
            return None
        item = self.state.work_queue.get_nowait()
        delivery: Delivery = item.message
        if delivery.crashes >= CRASHES_BEFORE_ALONE and any(d.runs_alone for d in self.running):
            self.state.work_queue.put(item)  # where a thread would wait for the other one's end
            self.state.work_queue.task_done()
            return None
        self.state.work_queue.task_done()
        try:
            if delivery.crashes:
                self.state.poison.enter(delivery)
        except WorkersDied:
            self.consumer.nack(delivery)
            return None
        self.running.append(delivery)
        return delivery

    def audit(self) -> None:
        """Have the consumer compare its account with Redis at its next step."""
        self.consumer._claims._audit_at = 0.0

    def stop(self) -> None:
        """End in good order. What runs is finished first."""
        self.state.stopping.set()
        while self.running:
            self.consumer.ack(self.running.pop())
        self.step()
        self.consumer.close()
        self.broker.store.close()


class NoHeartbeat:
    """Says nothing: a test decides who counts as dead."""

    def failures(self, queue_name: str) -> int:
        return 0

    def note_consumer(self, queue_name: str) -> None: ...

    def forget_consumer(self, queue_name: str) -> None: ...

    def wait_until_known(self) -> None: ...


class ManualDoorbell:
    """The bell of a worker of several queues, heard when the test says so."""

    def __init__(self, store: Store, worker_id: str) -> None:
        self.key = store.fleet_keys.bell(worker_id)
        self._connection = store.connection("jobs")
        self._rung = threading.Event()

    def event_for(self, queue_name: str) -> threading.Event:
        return self._rung

    def listen(self) -> None:
        try:
            if self._connection.call("LPOP", self.key) is not None:
                self._rung.set()
        except redis.RedisError:
            self._rung.set()  # a ring may have been lost
