"""Takes messages from one queue for the worker threads of this process."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import redis
from dramatiq import Consumer
from dramatiq.logging import get_logger

from barback.connection.outage import Outage
from barback.consuming.acknowledging import Acknowledger
from barback.consuming.claims import Claims
from barback.consuming.prefetch import PrefetchWindow
from barback.consuming.receiving import Receiver
from barback.errors import UnsuitableServer
from barback.messages.delivery import as_delivery
from barback.printable import first_line
from barback.store.checks import check_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dramatiq import MessageProxy

    from barback.consuming.worker import WorkerState
    from barback.messages.delivery import Delivery
    from barback.store.store import Store

#: How long acknowledgements of quick work are collected before Redis is told, in seconds.
COLLECT_SECONDS = 0.002

#: How long the messages that ended a wait are left alone, in seconds. Their threads need the
#: interpreter to start, which this thread would use to ask for more.
START_SECONDS = 0.0003

#: How long an iteration may take, in seconds, whatever Dramatiq allows.
MAX_STEP_SECONDS = 1.0


class QueueConsumer(Consumer):
    """Takes the messages of one queue.

    The thread that iterates over it is in one of three states. It *claims* new messages, and
    acknowledges finished ones with it, while there are any; it waits *for worker threads* when they
    have enough; it waits *for the bell* when the queue is empty.

    Parameters:
      store: Where the queue is.
      worker: The worker that consumes it.
      queue_name: The queue.
      prefetch: How many messages to hold at a time. With quick work it is more, unless
        ``dramatiq_queue_prefetch`` was set: see :class:`PrefetchWindow`.
      timeout_ms: How long an iteration may take before it yields None, in milliseconds.
    """

    def __init__(
        self, store: Store, worker: WorkerState, queue_name: str, prefetch: int, timeout_ms: int
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self.queue_name = queue_name
        self._store = store
        self._worker = worker
        self._timeout_seconds = min(timeout_ms / 1000, MAX_STEP_SECONDS)
        self._in_flight = worker.in_flight(queue_name)
        self._in_flight.acks_go_directly = False
        line, self._calls = worker.line_for(queue_name)
        self._claims = Claims(queue_name, self._calls, line, self._in_flight)
        silence = store.silence(queue_name)
        self._outage = Outage(self.logger, f"queue {queue_name!r}", silence=silence)
        self._acknowledger = Acknowledger(
            self._calls, self._in_flight, worker, self._outage, silence
        )
        worker.admit_by(queue_name, self._acknowledger)
        self._receiver = Receiver(queue_name, worker.worker_id, self._in_flight, store)
        self._window = PrefetchWindow(prefetch, is_fixed=worker.prefetch_is_fixed)
        self._taken: deque[Delivery] = deque()
        #: Whether messages were handed out just now that had ended a wait.
        self._is_starting = False

    @property
    def outstanding_message_count(self) -> int:
        return len(self._in_flight.held)

    # -- the consumer thread ----------------------------------------------------------------------

    def __next__(self) -> Delivery | None:
        taken = self._taken
        if not taken or self._worker.is_stopping:
            self._worker.heartbeat.note_consumer(self.queue_name)
            try:
                self._refill()
            except (redis.RedisError, UnsuitableServer, OSError) as error:
                self._break_off(error)
        return taken.popleft() if taken else None

    def _refill(self) -> None:
        if self._worker.is_stopping:
            self._wind_down()
            self._in_flight.wait_for_one(self._timeout_seconds / 4)
        elif self._claims.is_waiting:
            self._receive_first(self._claims.go_on_waiting(self._timeout_seconds))
        else:
            if self._claims.is_join_due:
                self._join()
            self._acknowledger.settle_what_waits()
            self._take_more()

    def _join(self) -> None:
        if self._outage.is_on:
            self._outage.wait()
            check_store(self._store, self._worker.confirmation)
        self._worker.heartbeat.wait_until_known()
        self._claims.join()
        self._acknowledger.retry_refused()
        self._worker.announce()

    def _take_more(self) -> None:
        in_flight, window = self._in_flight, self._window
        window.finished(0)
        if not window.is_fast:
            self._acknowledger.hold_at_most(window.size, self.queue_name)
        if self._is_starting:
            self._is_starting = False
            in_flight.wait_until_held(0, START_SECONDS)
            in_flight.acks_go_directly = False
        batch = max(1, window.size // 2) if window.is_fast else 1
        if window.size - len(in_flight.held) < batch:
            self._wait_for_threads(window.size - batch)
        room = window.room(len(in_flight.held), in_flight.held_bytes())
        is_quick = bool(in_flight.held) and window.is_fast
        self._claim(room, waits=not is_quick)
        if self._taken:
            return
        # While quick work goes on, its acknowledgements are worth collecting.
        if room and is_quick and in_flight.wait_for_one(COLLECT_SECONDS):
            return
        # Of what comes next nobody knows how long it will take.
        room = min(room, window.minimum - len(in_flight.held))
        if room > 0:
            self._wait_for_bell(room)
        elif len(in_flight.held) < window.size:
            in_flight.wait_for_one(self._timeout_seconds)

    def _wait_for_threads(self, at_most: int) -> None:
        """Wait until there is room for a batch or, with slow work, for anything at all."""
        in_flight = self._in_flight
        if not (self._window.is_fast or in_flight.acks):
            in_flight.wait_until_held(at_most, self._timeout_seconds)
        elif (
            not in_flight.wait_until_held(at_most, COLLECT_SECONDS) and not in_flight.acks
        ):  # quick work has become slow: do not look every 2 ms
            in_flight.wait_for_one(self._timeout_seconds)

    def _wait_for_bell(self, room: int) -> None:
        in_flight = self._in_flight
        in_flight.acks_go_directly = True
        if in_flight.acks or not self._claims.is_registered:
            # Nothing may wait while this thread does; and the bell has to be known to Redis.
            self._claim(room, waits=True)
            if self._taken or not self._claims.is_registered:
                in_flight.acks_go_directly = False
                return
        self._receive_first(self._claims.wait(room, self._timeout_seconds))

    def _claim(self, count: int, *, waits: bool) -> None:
        acks = self._in_flight.take_acks()
        if not acks and count == 0:
            return
        try:
            answer = self._claims.claim(count, acks, waits=waits)
        except BaseException:
            self._in_flight.return_acks(acks)
            raise
        self._outage.end()  # not before: what has worked so far may work while this does not
        self._window.finished(len(acks))
        self._taken.extend(self._receiver.receive(answer))

    def _receive_first(self, answer: list[list[bytes]]) -> None:
        """Take in what has ended a wait."""
        self._taken.extend(self._receiver.receive(answer))
        self._is_starting = not self._claims.is_waiting and bool(self._taken)

    def _break_off(self, error: Exception) -> None:
        """Forget the connection, keep everything else, and wait a moment."""
        self._claims.break_off()
        # Worker threads must not try what is known to fail: they would wait for its time-out.
        self._in_flight.acks_go_directly = False
        self._outage.report(error)

    # -- the worker threads -----------------------------------------------------------------------

    def ack(self, message: MessageProxy) -> None:
        """Finish a message; see :meth:`Acknowledger.ack`."""
        self._acknowledger.ack(as_delivery(message))

    def nack(self, message: MessageProxy) -> None:
        """Make a dead letter of a message."""
        self._acknowledger.nack(as_delivery(message))

    # -- the end ----------------------------------------------------------------------------------

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put messages that were not started back at the head of the queue, in their order.

        Dramatiq calls this for what is left in its work queue when the worker has stopped. What
        was not handed out yet was behind those messages, and goes along.
        """
        try:
            self._acknowledger.requeue([*map(as_delivery, messages), *self._taken])
        except redis.RedisError as error:  # Dramatiq would give up the other queues as well
            self._leave_to_others(error)
        self._taken.clear()

    def close(self) -> None:
        """Stop consuming.

        When the worker stops, everything that it holds goes back to the queue. When it is only
        paused, what was handed to its threads stays with them.
        """
        self._in_flight.acks_go_directly = True  # this thread will not take them along
        try:
            self._wind_down()
            if self._worker.is_stopping:
                self._worker.heartbeat.forget_consumer(self.queue_name)
                self._calls.leave(self._in_flight.known_ids())
        except redis.RedisError as error:
            self._leave_to_others(error)
        finally:
            self._claims.break_off()
            for delivery in self._taken:  # not handed to a thread, and not given back either
                self._in_flight.finish(delivery.redis_id)
            self._taken.clear()

    def _leave_to_others(self, error: redis.RedisError) -> None:
        """They find it when they miss this worker. In an outage it is no news."""
        say = self.logger.debug if self._outage.is_on else self.logger.warning
        say("Queue %r was not left in order: %s", self.queue_name, first_line(error))

    def _wind_down(self) -> None:
        """Take nothing more, tell what is finished, and give back what no thread has started."""
        self._claims.stop()
        self._acknowledger.settle_what_waits()
        self._claim(0, waits=False)
        if self._worker.is_stopping:
            self._taken.extendleft(reversed(self._worker.take_unstarted(self.queue_name)))
        self._acknowledger.requeue(list(self._taken))
        self._taken.clear()
