"""The workers of a process: Dramatiq means one, and tests start several."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import redis
from dramatiq.common import q_name

from barback.consuming.announcing import Announcement, require_queues, warn_of_divided_limits
from barback.consuming.consumer import QueueConsumer
from barback.consuming.delay_consumer import DelayConsumer
from barback.consuming.event_loops import outlive_exits
from barback.consuming.forks import part_with_forks
from barback.consuming.interruptions import complete_interrupted_ends, survive_interrupts
from barback.consuming.threads import WorkerThreads
from barback.consuming.worker import WorkerState
from barback.errors import UnsuitableServer
from barback.exits import (
    EXIT_BROKER,
    end_in_time,
    end_process,
    end_with_terminal,
    outlive_the_log,
)
from barback.interrupts import notify_all_at_shutdown
from barback.recovery.poison import PoisonMessages
from barback.speedups.time_limits import unlock_time_limits
from barback.speedups.work_queue import WorkQueue
from barback.store.checks import check_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dramatiq
    from dramatiq import Consumer, Worker
    from dramatiq.middleware import Middleware
    from dramatiq.worker import ConsumerThread, WorkerThread

    from barback.connection.confirmation import Confirmation
    from barback.messages.delivery import Delivery
    from barback.recovery.recovery import Recovery
    from barback.store.store import Store


class Workers:
    """Keeps a state for each worker, and makes their consumers.

    Parameters:
      store: Where the queues are.
      first_id: The id of the first worker. Further ones get ids of their own.
      recovery: Recovers the messages of dead workers.
      confirmation: What sends are confirmed by, or None.
      version: What of the program is deployed, for those who look, or None.
    """

    def __init__(
        self,
        store: Store,
        first_id: str,
        recovery: Recovery,
        *,
        confirmation: Confirmation | None,
        version: str | None = None,
    ) -> None:
        self._store = store
        self._first_id = first_id
        self._recovery = recovery
        self._confirmation = confirmation
        self._version = version
        self._poison = PoisonMessages(store)
        self._states: dict[int, WorkerState] = {}
        #: For who consumes without a worker.
        self._lone: WorkerState | None = None
        #: Whether Dramatiq's command line runs this process: then a person wants to know in one
        #: line why it cannot.
        self._is_command = False
        self._lock = threading.Lock()

    # -- called by the broker's hooks -------------------------------------------------------------

    def begin_process(self) -> None:
        """Called when a process of Dramatiq's command line has started, and by test suites."""
        self._is_command = multiprocessing.parent_process() is not None
        if self._is_command:
            part_with_forks(lambda: [state.work_queue for state in self._states.values()])

    def begin(
        self,
        worker: Worker,
        queue_names: Iterable[str],
        middleware: Iterable[Middleware],
        actors: Iterable[dramatiq.Actor[Any, Any]],
    ) -> None:
        """Called before the threads of a worker start.

        Parameters:
          worker: The worker.
          queue_names: The queues that are declared.
          middleware: The middleware of the broker.
          actors: The actors of the broker.

        Raises:
          UnsuitableServer: When messages would not be safe on the server.
          SystemExit: Instead, and when no actor has a queue that is to be served, in a process of
            Dramatiq's command line.
        """
        queue_names = list(queue_names)
        wanted = worker.consumer_whitelist
        if self._is_command:
            end_with_terminal()
            outlive_the_log()
            end_in_time(lambda: bool(self._states))
            require_queues(wanted or (), queue_names)
        queues = [name for name in queue_names if not wanted or name in wanted]
        announcement = Announcement(self._store, queues, worker.worker_threads)
        with self._lock:
            is_first = not self._states
            state = self._new_state(
                self._first_id if is_first else str(uuid4()),
                queue_count=len(queues),
                threads=WorkerThreads(worker, self._version),
                actors=actors,
                consumed_queues=lambda: list(worker.consumers),
                announce=announcement.make,
            )
            self._states[id(worker)] = state
        if self._store.on_cluster:
            warn_of_divided_limits(actors)
        worker.work_queue = state.work_queue  # type: ignore[assignment]
        unlock_time_limits(middleware)
        notify_all_at_shutdown(middleware)
        outlive_exits()
        try:
            check_store(self._store, self._confirmation)
            if queues:
                self._store.register(queues)
        except redis.RedisError as error:
            announcement.put_off(error)
        except UnsuitableServer as error:
            if self._is_command:
                end_process(str(error), EXIT_BROKER)
            raise
        else:
            announcement.make()

    def begin_consumer_thread(self, thread: ConsumerThread) -> None:
        """Called in each consumer thread before it consumes."""
        # Dramatiq looks for due messages in there after each message. There never are any, and
        # this queue says so ten times faster.
        thread.delay_queue = WorkQueue()  # type: ignore[assignment]
        complete_interrupted_ends(thread)

    def begin_worker_thread(self, thread: WorkerThread) -> None:
        """Called in each worker thread before it works."""
        survive_interrupts(thread)

    def begin_message(self, delivery: Delivery) -> None:
        """Called by a worker thread before it runs a message."""
        if getattr(delivery, "crashes", 0):
            self._poison.enter(delivery)
        if refusal := getattr(delivery, "refusal", None):
            raise refusal

    def begin_end(self, worker: Worker) -> None:
        """Called when a worker is told to stop."""
        state = self._states.get(id(worker))
        if state is not None:
            state.begin_end()

    def are_stopping(self) -> bool:
        """Whether a worker was told to stop and has not yet."""
        return any(state.is_stopping for state in list(self._states.values()))

    def end(self, worker: Worker) -> None:
        """Called when all threads of a worker have stopped."""
        with self._lock:
            state = self._states.pop(id(worker), None)
        if state is not None:
            state.end()

    # -- consumers --------------------------------------------------------------------------------

    def consume(self, queue_name: str, prefetch: int, timeout_ms: int) -> Consumer:
        """A consumer of a queue or a delay queue, for the worker whose thread asks for it."""
        state = self._state_of(threading.current_thread())
        if queue_name != q_name(queue_name):
            return DelayConsumer(state, queue_name, timeout_ms)
        return QueueConsumer(self._store, state, queue_name, prefetch, timeout_ms)

    def close(self) -> None:
        """End what consumes without a worker. A worker ends when it is stopped."""
        with self._lock:
            lone, self._lone = self._lone, None
        if lone is not None:
            lone.end()

    def _state_of(self, thread: Any) -> WorkerState:
        work_queue = getattr(thread, "work_queue", None)
        with self._lock:
            for state in self._states.values():
                if state.work_queue is work_queue:
                    return state
            if self._lone is None:
                self._lone = self._new_state(self._first_id)
            return self._lone

    def _new_state(self, worker_id: str, **known: Any) -> WorkerState:
        return WorkerState(
            self._store,
            worker_id,
            recovery=self._recovery,
            poison=self._poison,
            confirmation=self._confirmation,
            **known,
        )
