"""What a worker asks of a queue in Redis: one method per script, which alone knows its keys."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from barback.messages.room import ANY_ROOM, Room
from barback.store.scripts import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.connection.cluster import Connections
    from barback.connection.confirmation import Confirmation
    from barback.connection.connection import RedisConnection
    from barback.connection.script import Argument
    from barback.store.calls import Invocation
    from barback.store.fleet_keys import FleetKeys
    from barback.store.keys import QueueKeys

_ACK_AND_FETCH = load("ack_and_fetch")
_ADMIT = load("admit")
_JOIN = load("join")
_LEAVE_QUEUE = load("leave_queue")
_RECOVER = load("recover")
_REQUEUE = load("requeue")
_SETTLE = load("settle")
_STOP_CLAIMING = load("stop_claiming")


def new_epoch() -> str:
    """An epoch for a worker to join a queue under: a number that grows within a process, so that
    Redis can tell which of two is the later.
    """
    return str(time.monotonic_ns() // 1000)


class WorkerCalls:
    """The scripts of one queue that concern what one worker holds of it.

    Each raises :class:`redis.RedisError` when the server cannot be asked, and may be run twice
    with the same arguments.

    Parameters:
      keys: The keys of the queue.
      fleet_keys: The keys that tell which workers there are.
      worker_id: The worker.
      connections: The connections to run them over.
      bell: The key of the bell that the worker waits at; by default one for this queue alone.
    """

    def __init__(
        self,
        keys: QueueKeys,
        fleet_keys: FleetKeys,
        worker_id: str,
        connections: Connections,
        bell: str | None = None,
    ) -> None:
        self._keys = keys
        self._fleet_keys = fleet_keys
        self._worker_id = worker_id
        self._acks = keys.acks(worker_id)
        self.connections = connections
        self.bell = bell or keys.bell(worker_id)

    @cached_property
    def _ack_and_fetch_keys(self) -> tuple[str, ...]:
        keys = self._keys
        return (
            *(keys.queue, keys.messages, self._acks, keys.crashes, keys.consumers, keys.levels),
            *(keys.waiting, keys.paused, keys.cancelling, keys.ended_details),
        )

    def claiming(
        self,
        count: int,
        max_bytes: int,
        epoch: str,
        *,
        acks: Sequence[str] = (),
        waits: bool = False,
        is_reversed: bool = False,
    ) -> Invocation:
        """The script that acknowledges finished messages and takes the next ones.

        Parameters:
          count: How many to take at the most.
          max_bytes: How many bytes they may have together.
          epoch: The epoch under which the worker has joined the queue.
          acks: The ids of finished messages.
          waits: Whether the worker waits for messages, or is about to.
          is_reversed: Whether to take the least urgent messages first.

        Its answer is ``[ids, payloads, crashes]``, or None when the worker has to join again.
        """
        bell = self.bell if waits else ""
        order = "reversed" if is_reversed else ""
        args: tuple[Argument, ...] = (count, max_bytes, self._worker_id, epoch, bell, order, *acks)
        return _ACK_AND_FETCH, self._ack_and_fetch_keys, args

    def admit(self, redis_id: str, room: Room = ANY_ROOM, *, unique_key: str = "") -> bool:
        """Start a message, or give it back until there is room under its limit.

        Parameters:
          redis_id: Its id.
          room: How much room there is under its limit.
          unique_key: The unique key that it keeps only until it starts.

        Returns:
          Whether it may start. If not, this worker holds it no more.
        """
        keys = self._keys
        return bool(
            self.connections.run(
                _ADMIT,
                (
                    *(keys.queue, keys.messages, self._acks, keys.delayed_messages, keys.due),
                    *(keys.delay_changed, keys.starts, *keys.control),
                ),
                (redis_id, unique_key, *room),
            )
        )

    def ack(self, redis_ids: Sequence[str]) -> None:
        """Acknowledge finished messages."""
        self.connections.run(
            _ACK_AND_FETCH,
            self._ack_and_fetch_keys,
            (0, 0, self._worker_id, "", "", "", *redis_ids),
        )

    def join(
        self, epoch: str, held_ids: Sequence[str], connection: RedisConnection | Connections
    ) -> int:
        """Begin to take messages under a new epoch, and give back what is not held in truth.

        Parameters:
          epoch: The new epoch.
          held_ids: The ids of what the worker holds.
          connection: The connection to use, or several.

        Returns:
          How many messages went back.
        """
        keys = self._keys
        return int(
            connection.run(
                _JOIN,
                (
                    *(keys.queue, keys.messages, self._acks, keys.levels, keys.consumers),
                    *(keys.heartbeats, keys.waiting, keys.paused, *keys.control),
                ),
                (self._worker_id, epoch, *held_ids),
            )
        )

    def stop_claiming(self) -> None:
        """Take no more messages, and end a wait of this worker."""
        keys = self._keys
        self.connections.run(
            _STOP_CLAIMING,
            (keys.consumers, keys.waiting, self.bell, keys.queue, *keys.control),
            (self._worker_id,),
        )

    def leave(self, held_ids: Sequence[str]) -> None:
        """Give back whatever this worker holds, the oldest first, and consume the queue no more."""
        keys = self._keys
        self.connections.run(
            _LEAVE_QUEUE,
            (
                *(keys.queue, keys.messages, self._acks, keys.levels, keys.consumers),
                *(keys.heartbeats, keys.waiting, keys.paused, self.bell, keys.running),
                *keys.control,
            ),
            (self._worker_id, *held_ids),
        )

    def requeue(self, redis_ids: Sequence[str]) -> None:
        """Put held messages back at the head of the queue, in their order."""
        keys = self._keys
        self.connections.run(
            _REQUEUE,
            (
                *(keys.queue, keys.messages, self._acks, keys.levels),
                *(keys.waiting, keys.paused, *keys.control),
            ),
            redis_ids,
        )

    def settle(self, args: Sequence[Argument], confirmation: Confirmation | None) -> None:
        """Finish a message in any way but the plain acknowledgement. See :file:`settle.lua`."""
        keys = self._keys
        self.connections.run_confirmed(
            _SETTLE,
            (
                *(keys.queue, keys.messages, self._acks, keys.crashes, keys.levels),
                *(keys.waiting, keys.paused, keys.delayed_messages, keys.due, keys.delay_changed),
                *(keys.dead, keys.dead_messages, keys.dead_details, *keys.control),
            ),
            args,
            confirmation,
        )

    def recover(self, last_heartbeat: bytes) -> int | None:
        """Put what this worker, which is dead, held back at the head of the queue.

        Parameters:
          last_heartbeat: The last heartbeat by which it was judged.

        Returns:
          How many messages were put back; None: it has sent a new heartbeat, or another
          worker was first.
        """
        keys = self._keys
        answer: Any = self.connections.run(
            _RECOVER,
            (
                *(keys.queue, keys.messages, self._acks, keys.crashes, keys.levels),
                *(keys.consumers, keys.heartbeats, keys.waiting, keys.paused),
                *(keys.bell(self._worker_id), keys.running, *keys.control),
            ),
            (self._worker_id, last_heartbeat, self._fleet_keys.bell(self._worker_id)),
        )
        return None if answer is None else int(answer)
