"""What the consumers of one worker share."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import dramatiq.worker
import redis
from dramatiq.common import q_name
from dramatiq.logging import get_logger

from barback.consuming.admission import Admission
from barback.consuming.delayed import DelayedMessages
from barback.consuming.doorbell import Doorbell
from barback.consuming.holding_back import HoldingBack
from barback.consuming.in_flight import InFlight
from barback.consuming.line import OwnLine, SharedLine
from barback.control.running import RunningMessages
from barback.recovery.heartbeat import Heartbeat
from barback.speedups.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from barback.connection.confirmation import Confirmation
    from barback.consuming.acknowledging import Acknowledger
    from barback.consuming.line import Line
    from barback.consuming.threads import WorkerThreads
    from barback.messages.delivery import Delivery
    from barback.recovery.poison import PoisonMessages
    from barback.recovery.recovery import Recovery
    from barback.store.store import Store
    from barback.store.worker_calls import WorkerCalls


class WorkerState:
    """The state of one Dramatiq worker.

    Parameters:
      store: Where its queues are.
      worker_id: The id under which it holds messages.
      recovery: Recovers the messages of other workers.
      poison: Lets poison messages of this process run alone.
      confirmation: What sends are confirmed by, or None.
      queue_count: How many queues it is about to consume, as far as is known.
      threads: Its threads, where Dramatiq runs it.
      actors: The actors that it runs.
      consumed_queues: Tells which queues it consumes by now.
      announce: Says what it serves, once a server has answered.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        *,
        recovery: Recovery,
        poison: PoisonMessages,
        confirmation: Confirmation | None,
        queue_count: int = 0,
        threads: WorkerThreads | None = None,
        actors: Iterable[dramatiq.Actor[Any, Any]] = (),
        consumed_queues: Callable[[], Iterable[str]] = tuple,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self.worker_id = worker_id
        self.poison = poison
        self.confirmation = confirmation
        self.announce = announce
        self.running = RunningMessages()
        self._acknowledgers: dict[str, Acknowledger] = {}
        self.work_queue = WorkQueue(self._is_more_to_come, admits=self._admits)
        self.holding_back = HoldingBack(store, self.work_queue, self._acknowledgers)
        #: Set from the moment that the worker is told to stop.
        self.stopping = threading.Event()
        #: Whether the user has fixed how many messages are taken ahead.
        self.prefetch_is_fixed = bool(dramatiq.worker.QUEUE_PREFETCH)
        #: Whether a program consumes by itself, without Dramatiq's worker. Nobody knows when it
        #: comes back to its consumer, so acknowledgements cannot wait for that.
        self.is_lone = threads is None
        self._threads = threads
        self.heartbeat = Heartbeat(
            store,
            worker_id,
            recovery,
            holds=self._holds,
            bell_of=self._bell_of,
            describe=self._describe,
            running=self.running.by_queue,
            stop=self._stop,
        )
        self.doorbell = Doorbell(store, worker_id)
        #: By shard: on a cluster each queue is for itself.
        self._delayed: dict[str, DelayedMessages] = {}
        self._store = store
        self._queue_count = queue_count
        self._consumed_queues = consumed_queues
        self._lines = 0
        self._own_calls: dict[str, WorkerCalls] = {}
        self._in_flight: defaultdict[str, InFlight] = defaultdict(InFlight)
        self._unstarted: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._admission = Admission(actors, self._acknowledgers, self.stopping, self._set_aside)
        self._lock = threading.Lock()

    @property
    def is_stopping(self) -> bool:
        return self.stopping.is_set()

    def line_for(self, queue_name: str) -> tuple[Line, WorkerCalls]:
        """A consumer's line to its queue, and what it may ask: a connection of its own where it is
        the only one, or on a cluster, and else a share in the few of this process.
        """
        with self._lock:
            self._lines += 1
            has_own = self._store.on_cluster or (self._lines == 1 and self._queue_count <= 1)
        if has_own:
            calls = self._store.worker_calls(queue_name, self.worker_id)
            self._own_calls[queue_name] = calls
            name = f"barback-queue:{self.worker_id}:{queue_name}"
            connection = self._store.connection(queue_name, name=name)
            return OwnLine(connection, calls.bell), calls
        calls = self._store.worker_calls(queue_name, self.worker_id, bell=self.doorbell.key)
        rung = self.doorbell.event_for(queue_name)
        return SharedLine(self._store.claim_connections, rung, self._queue_count), calls

    def delayed(self, queue_name: str) -> DelayedMessages:
        """What looks after the delayed messages of a queue."""
        shard = self._store.shard(queue_name)
        with self._lock:
            delayed = self._delayed.get(shard)
            if delayed is None:
                delayed = self._delayed[shard] = DelayedMessages(
                    self._store, self.worker_id, queue_name
                )
            return delayed

    def in_flight(self, queue_name: str) -> InFlight:
        """The account of a queue."""
        return self._in_flight[queue_name]

    def admit_by(self, queue_name: str, acknowledger: Acknowledger) -> None:
        """Have a consumer of a queue say what may start."""
        self._acknowledgers[queue_name] = acknowledger

    def take_unstarted(self, queue_name: str) -> list[Delivery]:
        """Take the messages of a queue that no thread of the stopping worker has started."""
        with self._lock:
            for item in self.work_queue.drain():
                self._unstarted[item.message.queue_name].append(item.message)
            return self.holding_back.take(queue_name) + self._unstarted.pop(queue_name, [])

    def begin_end(self) -> None:
        """Called when the worker is told to stop: its consumers give back what is not started."""
        self.stopping.set()
        self.work_queue.close()
        for delayed in self._delayed.values():
            delayed.begin_stop()
        self.doorbell.begin_stop()
        try:
            for name, calls in list(self._own_calls.items()):
                if not self._store.silence(name).is_on:  # otherwise nobody waits
                    calls.stop_claiming()  # which ends its wait
        except redis.RedisError as error:
            self.logger.debug("The consumer ends its wait by itself: %s", error)
        for in_flight in list(self._in_flight.values()):
            in_flight.wake()

    def end(self) -> None:
        """Called when all threads of the worker have stopped."""
        for delayed in self._delayed.values():
            delayed.stop()
        self.doorbell.stop()
        self.heartbeat.stop()

    def _admits(self, item: Any) -> bool:
        """Called by a worker thread that is about to work on a message.

        Returns:
          False when it must not, and whoever keeps it from that has taken care of it.
        """
        delivery: Delivery = item.message
        if delivery.queue_name in self.holding_back.queue_names:
            self.holding_back.keep(delivery)
            return False
        if delivery.redis_id in self.running.unstarted_cancelled:
            self._acknowledgers[delivery.queue_name].drop_cancelled(delivery)
            return False
        if not self._admission.grants(delivery):
            return False
        if delivery.crashes and not self.poison.wait_for_turn(delivery, self.stopping):
            self._set_aside(delivery)
            return False
        self.running.enter(delivery)
        return True

    def _stop(self, shard: str, cancelled_ids: list[str], paused: list[str]) -> None:
        self.running.cancel(shard, cancelled_ids)
        self.holding_back.note(shard, paused)

    def _set_aside(self, delivery: Delivery) -> None:
        with self._lock:
            self._unstarted[delivery.queue_name].append(delivery)

    def _is_more_to_come(self) -> bool:
        """Whether there are messages left in Redis for this worker: waiting, in work or delayed."""
        return any(
            self._store.calls(name).qsize(self.worker_id)
            for name in set(map(q_name, self._consumed_queues()))
        )

    def _describe(self) -> dict[str, Any]:
        """What others may want to know of its threads, after a look at them."""
        if self._threads is None:
            return {}
        if not self.is_stopping:
            self._threads.replace_dead()
            self._threads.wake_paused()
        return self._threads.describe()

    def _bell_of(self, queue_name: str) -> str:
        calls = self._own_calls.get(queue_name)
        return self.doorbell.key if calls is None else calls.bell

    def _holds(self, queue_name: str) -> bool:
        return bool(self._in_flight[queue_name].held)
