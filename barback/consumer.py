"""Takes messages from one queue for the worker threads of this process."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import redis
from dramatiq import Consumer
from dramatiq.logging import get_logger
from redis.exceptions import NoScriptError, OutOfMemoryError

from barback import lua
from barback.death import describe_failure, describe_undecodable
from barback.delivery import Delivery, UndecodablePayload, decode
from barback.errors import UnsuitableServer
from barback.in_flight import Settlement
from barback.link import Argument, Link, evalsha
from barback.pulse import connection_name, consumer_name
from barback.server import check_server
from barback.trouble import Trouble
from barback.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dramatiq import MessageProxy

    from barback.broker import RedisBroker

#: How long Redis keeps a waiting worker before it answers that there is nothing, in seconds. It
#: wakes the worker at the first message, so this only bounds how often an idle worker asks.
BLOCK_SECONDS = 30

#: How long Redis may be late with that answer before the connection counts as dead, in seconds.
BLOCK_GRACE_SECONDS = 5

#: How long acknowledgements of quick work are collected before Redis is told, in seconds.
COLLECT_SECONDS = 0.002

#: How long the messages that ended a wait inside Redis are left alone, in seconds. Their threads
#: need the interpreter to start, which this thread would use to ask for more.
START_SECONDS = 0.0003

#: How long to wait before asking again, in seconds, while Redis is out of memory and cannot let
#: a worker wait inside it.
FULL_SECONDS = 0.05

#: How long an iteration may take, in seconds, whatever Dramatiq allows: this bounds how long an
#: idle worker takes to stop.
MAX_STEP_SECONDS = 0.2


class QueueConsumer(Consumer):
    """Takes the messages of one queue.

    The thread that iterates over it is in one of three states. It *exchanges* finished messages
    for new ones while there are any; it waits *for worker threads* when they have enough; it waits
    *inside Redis* when the queue is empty, and is woken by the next message.

    Parameters:
      broker: The broker.
      queue_name: The queue to consume.
      prefetch: How many messages to hold at a time. With quick work it is more, unless
        ``dramatiq_queue_prefetch`` was set: see :class:`barback.window.Window`.
      timeout_ms: How long an iteration may take before it yields None, in milliseconds.
    """

    def __init__(
        self, broker: RedisBroker, queue_name: str, prefetch: int, timeout_ms: int
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self.broker = broker
        self.queue_name = queue_name
        self._keys = broker.keys(queue_name)
        self._exchange_keys = self._keys.for_exchange(broker.broker_id)
        self._name = consumer_name(broker.broker_id, queue_name)
        self._local = broker.local_worker
        self._timeout_seconds = min(timeout_ms / 1000, MAX_STEP_SECONDS)
        self._in_flight = self._local.in_flight(queue_name)
        self._in_flight.acks_go_directly = False
        self._window = Window(prefetch, is_fixed=self._local.prefetch_is_fixed)
        self._link = Link(broker.client, name=connection_name(self._name))
        self._trouble = Trouble(self.logger, f"queue {queue_name!r}")
        self._taken: deque[Delivery] = deque()
        #: Whether this consumer waits inside Redis, and when the answer is overdue.
        self._is_blocked = False
        self._overdue_at = 0.0
        self._pulse_breaks = 0
        #: Whether messages were handed out just now that had ended such a wait.
        self._is_starting = False

    @property
    def outstanding_message_count(self) -> int:
        return len(self._in_flight.held)

    # -- the consumer thread ----------------------------------------------------------------------

    def __next__(self) -> Delivery | None:
        taken = self._taken
        if not taken or self._local.is_stopping:
            self._local.pulse.note_consumer(self.queue_name)
            try:
                self._refill()
            except (redis.RedisError, UnsuitableServer, OSError) as error:
                self._break_off(error)
        return taken.popleft() if taken else None

    def _refill(self) -> None:
        if self._trouble.is_on:
            self._reconnect()
        self._settle()
        if self._local.is_stopping:
            self._wind_down()
            self._wait_for_one(self._timeout_seconds / 4)
        elif self._is_blocked:
            self._poll()
        else:
            self._take_more()

    def _take_more(self) -> None:
        in_flight, window = self._in_flight, self._window
        if self._is_starting:
            self._is_starting = False
            in_flight.wait_until_held(0, START_SECONDS)
            in_flight.acks_go_directly = False
        batch = max(1, window.size // 2) if window.is_fast else 1
        if window.size - len(in_flight.held) < batch:
            self._wait_for_threads(window.size - batch)
        room = max(window.size - len(in_flight.held), 0)
        self._exchange(room)
        if self._taken or room == 0:
            return
        # The queue is empty. While quick work goes on, its acknowledgements are worth collecting.
        if in_flight.held and window.is_fast and self._wait_for_one(COLLECT_SECONDS):
            return
        self._block(room)

    def _wait_for_threads(self, at_most: int) -> None:
        """Wait until there is room for a batch or, with slow work, for anything at all."""
        if not self._window.is_fast:
            self._in_flight.wait_until_held(at_most, self._timeout_seconds)
        elif (
            not self._in_flight.wait_until_held(at_most, COLLECT_SECONDS)
            and not self._in_flight.acks
        ):  # quick work has become slow: do not look every 2 ms
            self._wait_for_one(self._timeout_seconds)

    def _wait_for_one(self, timeout_seconds: float) -> bool:
        in_flight = self._in_flight
        return in_flight.wait_until_held(len(in_flight.held) - 1, timeout_seconds)

    def _exchange(self, count: int) -> None:
        acks = self._in_flight.take_acks()
        if not acks and count == 0:
            return
        try:
            answer = self._link.run(lua.EXCHANGE, self._exchange_keys, (count, self._name, *acks))
        except BaseException:
            self._in_flight.return_acks(acks)
            raise
        self._window.finished(len(acks))
        self._receive(answer)

    def _block(self, room: int) -> None:
        """Wait inside Redis for the next message.

        The exchange travels behind the blocking move on the same connection: Redis runs it the
        moment that the move is over, so that a message costs an idle worker one round trip. The
        move puts the id into this worker's inbox, from which the exchange takes it; if this
        process dies in between, the inbox is recovered like everything that it holds.
        """
        self._in_flight.acks_go_directly = True
        if self._in_flight.acks:  # they came in before: nothing may wait while this thread does
            self._exchange(room)
            if self._taken:
                self._in_flight.acks_go_directly = False
                return
        keys = self._keys
        inbox = keys.inbox(self.broker.broker_id)
        self._link.send(
            ("BLMOVE", keys.queue, inbox, "LEFT", "RIGHT", BLOCK_SECONDS),
            evalsha(lua.EXCHANGE, self._exchange_keys, (room, self._name)),
        )
        self._is_blocked = True
        self._overdue_at = time.monotonic() + BLOCK_SECONDS + BLOCK_GRACE_SECONDS
        self._pulse_breaks = self._local.pulse.breaks
        self._poll()

    def _poll(self) -> None:
        """Look whether the wait inside Redis is over."""
        if self._link.can_read(self._timeout_seconds):
            self._read_blocked()
        elif time.monotonic() > self._overdue_at:
            raise redis.TimeoutError("Redis did not answer in time")
        elif self._local.pulse.breaks != self._pulse_breaks:
            # The pulse speaks every few seconds, so it finds out first when a network has
            # forgotten connections without a word to either side.
            raise redis.ConnectionError("another connection of this worker broke")

    def _read_blocked(self) -> None:
        memory_is_full = False
        try:
            self._link.read()
        except OutOfMemoryError:
            memory_is_full = True  # a blocking move may not start now, but the exchange may run
        self._is_blocked = False
        self._is_starting = True
        try:
            self._receive(self._link.read())
        except NoScriptError:
            return  # the next exchange loads the script, and finds what is in the inbox
        if memory_is_full and not self._taken:
            time.sleep(FULL_SECONDS)

    def _receive(self, answer: Any) -> None:
        ids, payloads, losses = answer
        if not ids:
            return
        taken_bytes = 0
        for index, raw_id in enumerate(ids):
            redis_id = raw_id.decode()
            payload = payloads[index]
            self._in_flight.hold(redis_id)
            if payload is None:  # the queue was flushed, or names the message twice
                self._finish(redis_id)
                continue
            taken_bytes += len(payload)
            note = losses[index] if losses else None
            self._accept(redis_id, payload, _count_losses(note))
        self._window.took(taken_bytes, len(ids))

    def _accept(self, redis_id: str, payload: bytes, losses: int) -> None:
        try:
            delivery = decode(payload, redis_id=redis_id, queue_name=self.queue_name, losses=losses)
        except UndecodablePayload as error:
            self.logger.error(  # noqa: TRY400 - its traceback would tell nothing more
                "A payload on queue %r is no message and becomes a dead letter: %s",
                self.queue_name,
                error,
            )
            self._in_flight.finish(redis_id)
            self._in_flight.settlements.append(
                Settlement(redis_id, (redis_id, "dead", describe_undecodable(error, losses)))
            )
        else:
            self._taken.append(delivery)

    # -- broken connections -----------------------------------------------------------------------

    def _break_off(self, error: Exception) -> None:
        """Forget the connection, keep everything else, and wait a moment."""
        self._link.close()
        self._is_blocked = False
        # Worker threads must not try what is known to fail: they would wait for its time-out.
        self._in_flight.acks_go_directly = False
        self._trouble.report(error)

    def _reconnect(self) -> None:
        self._trouble.wait()
        self._link.open()
        check_server(self._link)
        given_back = self._link.run(
            lua.RECONCILE,
            self._exchange_keys[:4],
            self._in_flight.known_ids(),
        )
        self._trouble.end()
        if given_back:
            self.logger.info(
                "Queue %r: %d messages whose delivery was cut off are back in the queue.",
                self.queue_name,
                given_back,
            )

    # -- the worker threads -----------------------------------------------------------------------

    def ack(self, message: MessageProxy) -> None:
        """Finish a message.

        Redis is told at once when this consumer waits inside it, and else together with the next
        exchange. When Redis cannot be told, it is told as soon as it can be.
        """
        delivery = as_delivery(message)
        # The end of a dangerous message is told before the next one may start: were that one to
        # kill this worker, a message that is not known to be finished would be blamed, too.
        if delivery.follow_ups or delivery.losses:
            settlement = _settlement_of(delivery, "ack")
            self._try(settlement, lambda: self._local.settle(self.queue_name, settlement))
            self._local.dangerous_messages.leave(delivery)
        else:
            self._finish(delivery.redis_id)

    def nack(self, message: MessageProxy) -> None:
        """Make a dead letter of a message."""
        delivery = as_delivery(message)
        settlement = _settlement_of(delivery, "dead", describe_failure(delivery))
        self._in_flight.endings[delivery.redis_id] = settlement
        self._try(settlement, lambda: self.broker.do_nack(self.queue_name, delivery.redis_id))
        self._local.dangerous_messages.leave(delivery)

    def _finish(self, redis_id: str) -> None:
        in_flight = self._in_flight
        in_flight.add_ack(redis_id)
        if in_flight.acks_go_directly:
            for pending_id in in_flight.take_acks():
                self._ack_directly(pending_id)
        in_flight.finish(redis_id)

    def _ack_directly(self, redis_id: str) -> None:
        try:
            self.broker.do_ack(self.queue_name, redis_id)
        except redis.RedisError as error:
            self._in_flight.return_acks([redis_id])
            self.logger.warning("An acknowledgement has to wait: %s", error)
        finally:
            self._in_flight.finish(redis_id)

    def _try(self, settlement: Settlement, tell: Callable[[], object]) -> None:
        """Tell Redis how a message ended, or leave that to the consumer thread."""
        try:
            if self._trouble.is_on:
                self._in_flight.settlements.append(settlement)
            else:
                tell()
        except redis.RedisError as error:
            self._in_flight.settlements.append(settlement)
            self.logger.warning("The end of a message has to wait: %s", error)
        finally:
            self._in_flight.finish(settlement.redis_id)

    def _settle(self) -> None:
        settlements = self._in_flight.settlements
        while settlements:
            self._local.settle(self.queue_name, settlements[0])
            self._in_flight.endings.pop(settlements.popleft().redis_id, None)

    # -- the end ----------------------------------------------------------------------------------

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put messages that were not started back at the head of the queue, in their order.

        Dramatiq calls this for what is left in its work queue when the worker has stopped. What
        this consumer has not handed out yet was behind those messages, and goes along.
        """
        self.give_back([*(as_delivery(message) for message in messages), *self._taken])
        self._taken.clear()

    def give_back(self, deliveries: list[Delivery]) -> None:
        """See :meth:`requeue`."""
        if deliveries:
            ids = [delivery.redis_id for delivery in deliveries]
            self._local.give_back(self.queue_name, ids)
            for redis_id in ids:
                self._in_flight.finish(redis_id)

    def close(self) -> None:
        """Stop consuming.

        When the worker stops, everything that it holds goes back to the queue. When it is only
        paused, what was handed to its threads stays with them.
        """
        self._in_flight.acks_go_directly = True  # this thread will not take them along
        try:
            self._settle()
            self._wind_down()
            if self._local.is_stopping:
                self._local.retire(self.queue_name)
        except redis.RedisError as error:
            # Other workers find what is left behind when they miss this one.
            self.logger.warning("Queue %r was not left in order: %s", self.queue_name, error)
        finally:
            self._link.close()
            for delivery in self._taken:  # not handed to a thread, and not given back either
                self._in_flight.finish(delivery.redis_id)
            self._taken.clear()

    def _wind_down(self) -> None:
        """Take nothing more, and give back what no thread has started."""
        if self._is_blocked:
            self._link.unblock()
            self._read_blocked()
        self._exchange(0)
        if self._local.is_stopping:
            self._taken.extendleft(reversed(self._local.take_unstarted(self.queue_name)))
        self.give_back(list(self._taken))
        self._taken.clear()


def as_delivery(message: MessageProxy) -> Delivery:
    """What a worker hands back is what it was given; tests also hand in plain messages."""
    if isinstance(message, Delivery):
        return message
    return Delivery(vars(message), message.options["redis_message_id"])


def _settlement_of(delivery: Delivery, verdict: str, details: str = "") -> Settlement:
    follow_ups: list[Argument] = []
    for follow_up in delivery.follow_ups:
        delay_ms = "" if follow_up.delay_ms is None else follow_up.delay_ms
        follow_ups += (follow_up.redis_id, follow_up.payload, delay_ms)
    return Settlement(delivery.redis_id, (delivery.redis_id, verdict, details, *follow_ups))


def _count_losses(note: bytes | None) -> int:
    return int(note.split(b":")[0]) if note else 0
