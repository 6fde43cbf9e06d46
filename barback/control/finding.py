"""Tells what has become of one message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from barback.control.ended import cancelled_status, ended_status
from barback.control.listing import running_status
from barback.control.locating import (
    ATTEMPTS,
    SEARCH_AT_MOST,
    Place,
    Running,
    locate,
    running_messages,
)
from barback.control.running import max_retries_in
from barback.control.status import MessageStatus
from barback.dead_letters import DeadLetters
from barback.dead_letters.letter import as_redis_id
from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields
from barback.monitoring.workers import list_workers
from barback.store.records import crashes_in, read_record

if TYPE_CHECKING:
    from barback.control.status import State
    from barback.monitoring.workers import WorkerStatus
    from barback.store.store import HasStore


def find(
    broker: HasStore,
    message_id: str,
    *,
    search_at_most: int = SEARCH_AT_MOST,
    queue_name: str | None = None,
) -> MessageStatus:
    """Tell what has become of a message.

    By the id of its entry in Redis (``message.options["redis_message_id"]``) it is found at once,
    also between its retries. For Dramatiq's ``message.message_id``, Redis goes through the names of
    its entries: about a second for a million.

    Parameters:
      broker: The broker.
      message_id: One id or the other.
      search_at_most: How many messages are looked through at the most for one that another program
        has sent.
      queue_name: The queue to look in, or None for all.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    status = MessageStatus(message_id, "unknown")
    for _ in range(ATTEMPTS):
        workers = list_workers(broker)
        running = running_messages(broker.store, workers)
        place = locate(broker.store, message_id, running, search_at_most, queue_name)
        status = _Look(broker, place, workers, running).status()
        if status.state != "unknown" or place.queue_name is None:
            break
    return status


class _Look:
    """One look at a message: everything that is stored under its id, and what that means."""

    def __init__(
        self, broker: HasStore, place: Place, workers: list[WorkerStatus], running: list[Running]
    ) -> None:
        self._broker = broker
        self._place = place
        self._redis_id: Any = as_redis_id(place.redis_id)
        self._workers = workers
        self._running = running
        self._status = MessageStatus(
            place.redis_id,
            "unknown",
            queue_name=place.queue_name,
            searched=place.searched,
            is_search_complete=place.is_search_complete,
        )

    def status(self) -> MessageStatus:
        queue_name = self._place.queue_name
        if queue_name is None:
            return self._status
        store, redis_id = self._broker.store, self._redis_id
        keys = store.keys(queue_name)
        with store.client.pipeline(transaction=False) as pipeline:
            pipeline.hget(keys.messages, redis_id)
            pipeline.hget(keys.delayed_messages, redis_id)
            pipeline.zscore(keys.due, redis_id)
            pipeline.hget(keys.parked, redis_id)
            pipeline.hget(keys.paced, redis_id)
            pipeline.hget(keys.crashes, redis_id)
            pipeline.hget(keys.ended_details, redis_id)
            pipeline.zscore(keys.ended, redis_id)
            for worker in self._workers:
                pipeline.sismember(keys.acks(worker.worker_id), redis_id)
            payload, delayed, due_ms, parked, paced, crashes, ended, forget_ms, *held = (
                pipeline.execute()
            )
        holder = next((w for w, holds in zip(self._workers, held, strict=True) if holds), None)
        self._status = replace(
            self._status,
            crashes=crashes_in(crashes),
            limit=_limit_in(parked, paced),
        )
        if holder is not None:
            return self._held(holder, payload, ended, store.now_ms())
        if delayed is not None and due_ms is not None:
            return self._delayed(delayed, due_ms)
        if payload is not None:
            return self._waiting(payload, queue_name)
        return self._ended(ended, forget_ms)

    def _held(
        self, holder: WorkerStatus, payload: bytes | None, ended: bytes | None, now_ms: float
    ) -> MessageStatus:
        found = next((it for it in self._running if it.fields["id"] == self._place.redis_id), None)
        status = self._described(payload) if payload else self._cancelled(ended)
        if found is None:
            return replace(status, state="taken", worker=holder.name)
        status = replace(running_status(found, status), crashes=self._status.crashes)
        if payload is None and status.cancelled_at is None:  # its worker has not heard of it yet
            return replace(status, cancelled_at=now_ms / 1000)
        return status

    def _delayed(self, payload: bytes, due_ms: float) -> MessageStatus:
        status = self._described(payload)
        if status.limit is not None:
            return replace(status, state="limited", until=due_ms / 1000)
        state: State = "retrying" if (status.attempt or 1) > 1 else "delayed"
        return replace(status, state=state, until=due_ms / 1000)

    def _waiting(self, payload: bytes, queue_name: str) -> MessageStatus:
        status = self._described(payload)
        if status.limit is not None:
            return replace(status, state="limited")
        position = self._broker.store.calls(queue_name).position(self._redis_id)
        # On neither list: a worker takes it at this moment.
        return replace(status, state="taken" if position is None else "waiting", position=position)

    def _ended(self, ended: bytes | None, forget_ms: float | None) -> MessageStatus:
        letter = DeadLetters(self._broker, self._place.queue_name or "").get(self._place.redis_id)
        if letter is not None:
            return replace(
                self._described(letter.payload),
                state="expired" if letter.reason == "expired" else "dead",
                since=letter.died_at,
                reason=letter.reason,
                error=letter.error,
                traceback=letter.traceback,
            )
        if ended is None:
            return self._status
        return ended_status(self._status, read_record(ended), forget_ms)

    def _cancelled(self, ended: bytes | None) -> MessageStatus:
        return cancelled_status(self._status, read_record(ended))

    def _described(self, payload: bytes) -> MessageStatus:
        try:
            fields = decode_fields(payload)
        except UndecodablePayload as error:
            return replace(self._status, error=str(error))
        options = fields["options"]
        traceback = options.get("traceback")
        return replace(
            self._status,
            actor_name=fields["actor_name"],
            message_id=fields["message_id"],
            since=fields["message_timestamp"] / 1000,
            attempt=(options.get("retries") or 0) + 1,
            max_retries=max_retries_in(options),
            traceback=traceback,
            error=traceback.strip().splitlines()[-1] if traceback and traceback.strip() else None,
        )


def _limit_in(parked: bytes | None, paced: bytes | None) -> str | None:
    """The key of the limit that a message waits for."""
    key = paced if parked is None else parked.split(b" ", 2)[-1]
    return None if key is None else key.decode(errors="replace")
