"""Tells Redis how messages ended."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback.connection.outage import Outage
from barback.consuming.in_flight import Settlement
from barback.control.running import was_cancelled
from barback.dead_letters.details import describe_failure
from barback.errors import NotConfirmed
from barback.messages.room import ANY_ROOM
from barback.recovery.poison import MAX_CRASHES

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from barback.connection.outage import Silence
    from barback.connection.script import Argument
    from barback.consuming.in_flight import InFlight
    from barback.consuming.worker import WorkerState
    from barback.messages.delivery import Delivery, FollowUp
    from barback.store.worker_calls import WorkerCalls


class Acknowledger:
    """Finishes the messages of one queue. Worker threads call it, and the consumer thread does what
    they had to leave.

    Parameters:
      calls: What the worker may ask of the queue.
      in_flight: The account of the queue.
      worker: The worker that consumes it.
      outage: Whether the queue's connection is known to be broken.
      silence: Says once for all of the worker that a server does not answer.
    """

    def __init__(
        self,
        calls: WorkerCalls,
        in_flight: InFlight,
        worker: WorkerState,
        outage: Outage,
        silence: Silence,
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._calls = calls
        self._in_flight = in_flight
        self._worker = worker
        self._outage = outage
        self._silence = silence

    def ack(self, delivery: Delivery) -> None:
        """Finish a message.

        Redis is told at once when the consumer waits, and else together with the next claim. When
        Redis cannot be told, it is told as soon as it can be.
        """
        follow_ups = delivery.finish()
        if not follow_ups and delivery.ends_plainly:
            self._finish(delivery.redis_id)
            return
        # The end of a poison message is told before the next one may start: were that one to
        # kill this worker, a message that is not known to be finished would be blamed, too.
        verdict = "cancelled" if was_cancelled(delivery) and not follow_ups else "ack"
        self._finish_by(_settlement_of(delivery, verdict, "", follow_ups))
        self._worker.poison.leave(delivery)

    def nack(self, delivery: Delivery) -> None:
        """Make a dead letter of a message."""
        # Whatever the actor's `retry_when` says, one that kills its workers does not run again.
        follow_ups = delivery.finish(drops_follow_ups=delivery.crashes >= MAX_CRASHES)
        if was_cancelled(delivery) and not follow_ups:
            self._finish_by(_settlement_of(delivery, "cancelled"))
        else:
            details = describe_failure(delivery)
            self._finish_by(_settlement_of(delivery, "dead", details, follow_ups))
        self._worker.poison.leave(delivery)

    def admit(self, delivery: Delivery, stopping: threading.Event) -> bool | None:
        """Whether a message may start, as far as its limit goes. If not, it is this worker's no
        more.

        Parameters:
          delivery: The message.
          stopping: Set when the worker is to stop.

        Returns:
          None when Redis could not be asked before that; until then the thread waits.
        """
        control = delivery.control or {}
        unique_key = control["unique"] if "until_start" in control else ""
        room = delivery.room or ANY_ROOM
        outage = Outage(
            self.logger,
            f"actor {delivery.actor_name!r}, which has a limit",
            wait=stopping.wait,
            silence=self._silence,
        )
        while True:
            try:
                may_start = self._calls.admit(delivery.redis_id, room, unique_key=unique_key)
            except redis.RedisError as error:
                outage.report(error)
                outage.wait()
                if stopping.is_set():
                    return None
                continue
            outage.end()
            if not may_start:
                delivery.is_finished = True
                self._in_flight.finish(delivery.redis_id)
            return may_start

    def drop_cancelled(self, delivery: Delivery) -> None:
        """Finish a message that was cancelled before a thread has started it."""
        delivery.is_finished = True
        self._finish_by(_settlement_of(delivery, "cancelled"))

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages that were not started back at the head of the queue, in their order."""
        if not deliveries:
            return
        ids = [delivery.redis_id for delivery in deliveries]
        self._calls.requeue(ids)
        for delivery in deliveries:
            delivery.is_finished = True
            self._in_flight.finish(delivery.redis_id)

    def hold_back(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages back of which threads may have let go in any order."""
        places = {redis_id: place for place, redis_id in enumerate(list(self._in_flight.held))}
        self.requeue(sorted(deliveries, key=lambda it: places.get(it.redis_id, -1)))

    def hold_at_most(self, count: int, queue_name: str) -> None:
        """Put back what no thread has started, the latest first, while so much is held."""
        holding_back = self._worker.holding_back
        excess = len(self._in_flight.held) - count
        if excess > 0:
            work_queue = self._worker.work_queue
            ahead = [item for item in work_queue.queue if item.message.queue_name == queue_name]
            latest = set(map(id, ahead[-excess:]))
            for item in work_queue.take_out(lambda item: id(item) in latest):
                holding_back.keep(item.message)
        # What is kept may be back already, with the answer lost: nobody starts it here.
        holding_back.put_back(queue_name)

    def settle_what_waits(self) -> None:
        """Tell Redis what it could not be told before.

        What it refuses is set aside, lest it holds up the others: see :meth:`retry_refused`.
        """
        settlements = self._in_flight.settlements
        while settlements:
            settlement = settlements[0]
            try:
                self._settle(settlement)
            except redis.ResponseError as error:
                self._in_flight.refused[settlement.redis_id] = settlement
                self.logger.error(  # noqa: TRY400 - the traceback tells nothing
                    "Redis refuses to finish message %r. Trying again once a minute. Reason: %s",
                    settlement.redis_id,
                    error,
                )
            settlements.popleft()

    def retry_refused(self) -> None:
        """Tell Redis once more what it has refused. Called when the consumer joins the queue, which
        it does once a minute, too.
        """
        refused = self._in_flight.refused
        for settlement in list(refused.values()):
            with contextlib.suppress(redis.ResponseError):
                self._settle(settlement)
                del refused[settlement.redis_id]

    def _finish(self, redis_id: str) -> None:
        in_flight = self._in_flight
        in_flight.add_ack(redis_id)
        if in_flight.acks_go_directly or self._worker.is_lone:
            self._ack_directly(in_flight.take_acks())
        in_flight.finish(redis_id)

    def _ack_directly(self, redis_ids: list[str]) -> None:
        if not redis_ids:
            return
        try:
            self._calls.ack(redis_ids)
        except redis.RedisError as error:
            self._in_flight.return_acks(redis_ids)
            self.logger.debug("An acknowledgement has to wait: %s", error)
        finally:
            for redis_id in redis_ids:
                self._in_flight.finish(redis_id)

    def _finish_by(self, settlement: Settlement) -> None:
        """Tell Redis how a message ended, or leave that to the consumer thread."""
        try:
            if self._outage.is_on:
                self._in_flight.settlements.append(settlement)
            else:
                self._settle(settlement)
        except redis.RedisError as error:
            self._in_flight.settlements.append(settlement)
            self.logger.debug("The end of a message has to wait: %s", error)
        finally:
            self._in_flight.finish(settlement.redis_id)

    def _settle(self, settlement: Settlement) -> None:
        try:
            confirmation = self._worker.confirmation if settlement.sends else None
            self._calls.settle(settlement.args, confirmation)
        except NotConfirmed as error:  # but done
            self.logger.warning("What follows from a message was not confirmed: %s", error)


def _settlement_of(
    delivery: Delivery, verdict: str, details: str = "", follow_ups: Sequence[FollowUp] = ()
) -> Settlement:
    unique_key = (delivery.control or {}).get("unique", "")
    args: list[Argument] = [delivery.redis_id, verdict, details, unique_key]
    for follow_up in follow_ups:
        delay_ms = "" if follow_up.delay_ms is None else follow_up.delay_ms
        args += (follow_up.redis_id, follow_up.payload, delay_ms)
    return Settlement(delivery.redis_id, tuple(args))
