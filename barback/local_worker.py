"""What the broker knows of the worker in its own process."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import dramatiq.worker
import redis

from barback import lua
from barback.dangerous import DangerousMessages
from barback.in_flight import InFlight, Settlement
from barback.link import Link
from barback.pulse import Pulse, consumer_name
from barback.server import check_server
from barback.time_limits import unlock_time_limits
from barback.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dramatiq import Worker
    from dramatiq.worker import ConsumerThread

    from barback.broker import RedisBroker
    from barback.delivery import Delivery


class LocalWorker:
    """The state that the consumers of a process share, and what they tell Redis.

    Dramatiq runs at most one worker in a process. In a producer there is none, and all of this
    stays empty.

    Parameters:
      broker: The broker of this process.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self.pulse = Pulse(broker)
        self.dangerous_messages = DangerousMessages(broker)
        #: Set from the moment that the worker is told to stop.
        self.is_stopping = False
        #: Whether the user has fixed how many messages are taken ahead.
        self.prefetch_is_fixed = bool(dramatiq.worker.QUEUE_PREFETCH)
        self._broker = broker
        self._in_flight: defaultdict[str, InFlight] = defaultdict(InFlight)
        self._work_queue = WorkQueue()
        self._unstarted: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._unstarted_lock = threading.Lock()

    def begin(self, worker: Worker) -> None:
        """Called before the threads of the worker start.

        Raises:
          UnsuitableServer: When messages would not be safe on the server.
        """
        self.is_stopping = False
        self._work_queue = WorkQueue()
        worker.work_queue = self._work_queue  # type: ignore[assignment]
        unlock_time_limits(self._broker.middleware)
        self.pulse.start(worker.worker_threads)
        link = Link(self._broker.client)
        try:
            check_server(link)
        except redis.RedisError as error:
            self._broker.logger.warning("Redis cannot be reached yet: %s", error)
        finally:
            link.close()

    def begin_consumer_thread(self, thread: ConsumerThread) -> None:
        """Called in each consumer thread before it consumes."""
        # Dramatiq looks for due messages in there after each message. There never are any, and
        # this queue says so ten times faster.
        thread.delay_queue = WorkQueue()  # type: ignore[assignment]

    def begin_message(self, delivery: Delivery) -> None:
        """Called by a worker thread before it runs a message."""
        if delivery.losses:
            self.dangerous_messages.enter(delivery)

    def begin_end(self, _worker: Worker) -> None:
        """Called when the worker is told to stop: its consumers give back what is not started."""
        self.is_stopping = True
        self._work_queue.close()
        for in_flight in list(self._in_flight.values()):
            in_flight.wake()

    def end(self, _worker: Worker) -> None:
        """Called when all threads of the worker have stopped."""
        self.pulse.stop()

    def in_flight(self, queue_name: str) -> InFlight:
        return self._in_flight[queue_name]

    def take_unstarted(self, queue_name: str) -> list[Delivery]:
        """Take the messages of a queue that no thread of the stopping worker has started."""
        with self._unstarted_lock:
            for item in self._work_queue.drain():
                self._unstarted[item.message.queue_name].append(item.message)
            return self._unstarted.pop(queue_name, [])

    def settle(self, queue_name: str, settlement: Settlement) -> None:
        """Finish a message in any way but the plain acknowledgement."""
        keys = self._broker.keys(queue_name)
        self._broker.links.run(
            lua.SETTLE,
            (
                keys.queue,
                keys.messages,
                keys.acks(self._broker.broker_id),
                keys.losses,
                keys.delayed_messages,
                keys.due,
                keys.wake,
                keys.dead,
                keys.dead_messages,
                keys.dead_details,
            ),
            settlement.args,
        )

    def give_back(self, queue_name: str, redis_ids: Sequence[str]) -> None:
        """Put held messages back at the head of their queue, in their order."""
        keys = self._broker.keys(queue_name)
        acks = keys.acks(self._broker.broker_id)
        self._broker.links.run(lua.GIVE_BACK, (keys.queue, keys.messages, acks), redis_ids)

    def retire(self, queue_name: str) -> None:
        """Give back whatever this process holds of a queue, and consume it no more."""
        self.pulse.forget_consumer(queue_name)
        worker_id = self._broker.broker_id
        keys = self._broker.keys(queue_name)
        self._broker.links.run(
            lua.RETIRE,
            (
                keys.queue,
                keys.messages,
                keys.acks(worker_id),
                keys.inbox(worker_id),
                self._broker.worker_keys.signs,
            ),
            (consumer_name(worker_id, queue_name), *self.in_flight(queue_name).known_ids()),
        )

    def is_alone_on(self, queue_name: str) -> bool:
        """Whether no other process consumes a queue."""
        consumers: Any = self._broker.client.zrange(self._broker.worker_keys.signs, 0, -1)
        mine = consumer_name(self._broker.broker_id, queue_name).encode()
        suffix = b":" + queue_name.encode()
        return not any(name.endswith(suffix) for name in consumers if name != mine)
