"""What can be asked of a queue in Redis: one method per script, which alone knows its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.store.scripts import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.connection.cluster import Connections
    from barback.connection.confirmation import Confirmation
    from barback.connection.script import Argument, Script
    from barback.store.keys import QueueKeys

_ADOPT_DELAYED = load("adopt_delayed")
_DELAY = load("delay")
_DELETE_DEAD = load("delete_dead")
_ENQUEUE = load("enqueue")
_ENQUEUE_GUARDED = load("enqueue_guarded")
_LENGTH = load("length")
_NOTE_START = load("note_start")
_POSITION = load("position")
_PROMOTE = load("promote")
_PURGE_DEAD = load("purge_dead")
_READ_DEAD = load("read_dead")
_REQUEUE = load("requeue")
_QSIZE = load("qsize")
_RELEASE_DELAYED = load("release_delayed")
_REQUEUE_DEAD = load("requeue_dead")


#: A script with its keys and arguments, to be run or sent along with others.
Invocation = tuple["Script", "Sequence[str]", "Sequence[Argument]"]


@dataclass(frozen=True)
class Guard:
    """What may keep a message from being sent.

    Parameters:
      token: What it stands for: it is sent only where no message was sent under that before.
      token_ttl_ms: How long the token is remembered, in milliseconds.
      unique_key: It is sent only where no message that is left to do claims this key.
      hold_ms: For how many milliseconds the claim lasts at the least, even if the message ends.
      replacing: Where it takes the place of a message with that key that waits, the record of that
        one, as JSON in which ``%id%`` stands for its id.
      ttl_ms: How long that is remembered, in milliseconds.
      max_count: How many such records are kept.
    """

    token: str | None = None
    token_ttl_ms: int = 0
    unique_key: str = ""
    hold_ms: int = 0
    replacing: str = ""
    ttl_ms: int = 0
    max_count: int = 0


@dataclass(frozen=True)
class QueueCalls:
    """The scripts of one queue that anybody may run; those of a worker are in
    :class:`barback.store.worker_calls.WorkerCalls`.

    Each raises :class:`redis.RedisError` when the server cannot be asked, and may be run twice
    with the same arguments.

    Parameters:
      keys: The keys of the queue.
      connections: The connections to run them over.
    """

    keys: QueueKeys
    connections: Connections

    # -- sending ----------------------------------------------------------------------------------

    def enqueueing(self, ids_and_payloads: Sequence[Argument]) -> Invocation:
        """The script that puts messages at the end of the queue: id, payload, id, payload, …"""
        return _ENQUEUE, self.keys.sending, ids_and_payloads

    def delaying(self, ids_payloads_and_delays_ms: Sequence[Argument]) -> Invocation:
        """The script that keeps messages until they are due: id, payload, delay in ms, …"""
        keys = self.keys
        delayed = (keys.delayed_messages, keys.due, keys.delay_changed)
        return _DELAY, delayed, ids_payloads_and_delays_ms

    def send(self, invocation: Invocation, confirmation: Confirmation | None) -> None:
        """Run one of the two above.

        Raises:
          NotConfirmed: When it ran, but that was not confirmed in time.
        """
        self.connections.run_confirmed(*invocation, confirmation)

    def enqueue_guarded(
        self,
        redis_id: str,
        payload: bytes,
        *,
        message_id: str,
        delay_ms: int | None,
        guard: Guard,
        confirmation: Confirmation | None,
    ) -> tuple[str, str] | None:
        """Send a message unless its guard says otherwise.

        Returns:
          The id and Dramatiq's id of the message that claims the unique key, which are those of
          this one when it was sent; None: the token had been used before.
        """
        keys = self.keys
        found: Any = self.connections.run_confirmed(
            _ENQUEUE_GUARDED,
            (
                *keys.sending,
                *(keys.delayed_messages, keys.due, keys.delay_changed, keys.crashes),
                *(keys.once(guard.token or ""), *keys.control),
            ),
            (
                *(redis_id, payload, "" if delay_ms is None else max(delay_ms, 0)),
                *("" if guard.token is None else guard.token_ttl_ms, message_id),
                *(guard.unique_key, guard.hold_ms, "replace" if guard.replacing else ""),
                *(guard.replacing, guard.ttl_ms, guard.max_count),
            ),
            confirmation,
        )
        return None if found is None else (found[0].decode(), found[1].decode())

    # -- counting ---------------------------------------------------------------------------------

    def length(self) -> int:
        """How many messages wait, those that wait for room under a limit included."""
        keys = self.keys
        return int(self.connections.run(_LENGTH, (keys.queue, keys.levels, keys.parked)))

    def position(self, redis_id: str | bytes) -> int | None:
        """How many messages wait before one, or None when it does not wait."""
        found = self.connections.run(_POSITION, (self.keys.queue, self.keys.levels), (redis_id,))
        return None if found is None else int(found)

    def qsize(self, worker_id: str) -> int:
        """How much is left to do: waiting, in work or delayed; what a worker holds counts twice."""
        keys = self.keys
        return int(
            self.connections.run(
                _QSIZE, (keys.messages, keys.acks(worker_id), keys.delayed_messages)
            )
        )

    # -- delayed messages -------------------------------------------------------------------------

    def promote(self, at_most: int, redis_ids: Sequence[Argument] = ()) -> int:
        """Move messages that are due to the end of the queue, or those that are named, whether
        they are due or not; tells how many.
        """
        keys = self.keys
        return int(
            self.connections.run(
                _PROMOTE,
                (
                    *keys.sending,
                    *(keys.delayed_messages, keys.due, keys.paced),
                ),
                (at_most, *redis_ids),
            )
        )

    def adopt_delayed(self, ids_payloads_and_times_ms: Sequence[Argument]) -> None:
        """Take messages from stock's list into the order of due times."""
        keys = self.keys
        self.connections.run(
            _ADOPT_DELAYED,
            (keys.stock_delayed, keys.delayed_messages, keys.due),
            ids_payloads_and_times_ms,
        )

    def release_delayed(self, ids_and_payloads: Sequence[Argument]) -> int:
        """Give messages back to stock's list, rewritten as it wants them; tells how many."""
        keys = self.keys
        return int(
            self.connections.run(
                _RELEASE_DELAYED,
                (keys.stock_delayed, keys.delayed_messages, keys.due),
                ids_and_payloads,
            )
        )

    def requeue_stock_delayed(self, worker_id: str, ids: Sequence[Argument]) -> None:
        """Put delayed messages that a dead stock worker held back on stock's list."""
        keys = self.keys
        self.connections.run(
            _REQUEUE,
            (
                *(keys.stock_delayed, keys.delayed_messages, keys.stock_delayed_acks(worker_id)),
                *(keys.levels, keys.waiting, keys.paused),
            ),
            ids,
        )

    # -- dead letters, and messages over which workers died ---------------------------------------

    def requeue_dead(self, ids_and_payloads: Sequence[Argument]) -> int:
        """Put dead letters back at the end of the queue; tells how many were still dead."""
        keys = self.keys
        return int(
            self.connections.run(
                _REQUEUE_DEAD,
                (
                    *keys.sending,
                    *(keys.dead, keys.dead_messages, keys.dead_details),
                ),
                ids_and_payloads,
            )
        )

    def read_dead(self, ids: Sequence[Argument], max_bytes: int) -> list[bytes | None]:
        """The payloads of the first of some dead letters, None for those that are gone: of one at
        the least, and of no more than have so many bytes together.
        """
        return list[Any](
            self.connections.run(_READ_DEAD, (self.keys.dead_messages,), (max_bytes, *ids))
        )

    def delete_dead(self, ids: Sequence[Argument]) -> int:
        """Delete dead letters for good; tells how many there were."""
        keys = self.keys
        dead = (keys.dead, keys.dead_messages, keys.dead_details)
        return int(self.connections.run(_DELETE_DEAD, dead, ids))

    def purge_dead(self, ttl_ms: int, at_most: int) -> int:
        """Forget dead letters that are older than their time to live; tells how many."""
        keys = self.keys
        dead = (keys.dead, keys.dead_messages, keys.dead_details)
        return int(self.connections.run(_PURGE_DEAD, dead, (ttl_ms, at_most)))

    def note_start(self, redis_id: str, worker_id: str) -> None:
        """Note that a worker starts a message over which a worker has died before."""
        self.connections.run(_NOTE_START, (self.keys.crashes,), (redis_id, worker_id))
