"""What steers a queue in Redis: one method per script, which alone knows its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.store.scripts import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.connection.cluster import Connections
    from barback.connection.script import Argument
    from barback.store.keys import QueueKeys

_CANCEL = load("cancel")
_PAUSE = load("pause")
_PURGE = load("purge")
_REMEMBER = load("remember")
_RESUME = load("resume")
_SWEEP = load("sweep")


@dataclass(frozen=True)
class ControlCalls:
    """The scripts of one queue that :mod:`barback.control` is made of.

    Each raises :class:`redis.RedisError` when the server cannot be asked, and may be run twice
    with the same arguments.

    Parameters:
      keys: The keys of the queue.
      connections: The connections to run them over.
    """

    keys: QueueKeys
    connections: Connections

    def purge(self, at_most: int) -> int:
        """Delete messages that wait; tells how many."""
        keys = self.keys
        waiting = (keys.queue, keys.messages, keys.levels, keys.crashes)
        return int(self.connections.run(_PURGE, (*waiting, *keys.control), (at_most,)))

    def cancel(
        self, ids_and_records: Sequence[Argument], *, ttl_ms: int, max_count: int
    ) -> list[int]:
        """Cancel messages: id, Dramatiq's id, the record of the end as JSON, id, …

        Returns:
          For each 1 when it is gone, 2 when its worker is asked to stop, 0 when it had ended.
        """
        keys = self.keys
        answers: Any = self.connections.run(
            _CANCEL,
            (
                *(keys.queue, keys.messages, keys.levels, keys.delayed_messages, keys.due),
                *(keys.crashes, *keys.control),
            ),
            (ttl_ms, max_count, *ids_and_records),
        )
        return [int(answer) for answer in answers]

    def sweep(self, worker_ids: Sequence[str]) -> None:
        """Clear away what messages have left behind that ended in an unusual way.

        Parameters:
          worker_ids: The workers that consume the queue.
        """
        keys = self.keys
        cursor: Any = "0"
        while True:
            cursor = self.connections.run(
                _SWEEP,
                (
                    *(keys.queue, keys.messages, keys.delayed_messages, *keys.control),
                    *map(keys.acks, worker_ids),
                ),
                (cursor,),
            )
            if int(cursor) == 0:
                return

    def remember(self, ids_and_records: Sequence[Argument], *, ttl_ms: int, max_count: int) -> None:
        """Remember how messages ended: id, Dramatiq's id, the record as JSON, id, …"""
        self.connections.run(
            _REMEMBER,
            (self.keys.ended, self.keys.ended_details),
            (ttl_ms, max_count, *ids_and_records),
        )

    def pause(self, text: str, *, ttl_ms: int | None) -> None:
        """Hold back the messages of the queue.

        Parameters:
          text: Why, as JSON.
          ttl_ms: How long, in milliseconds; None: until it is resumed.
        """
        keys = self.keys
        self.connections.run(
            _PAUSE,
            (keys.queue, keys.paused, *keys.control),
            (text, "" if ttl_ms is None else ttl_ms),
        )

    def resume(self) -> bool:
        """End the pause of the queue; False: it was not paused."""
        return self._resume("end")

    def note_end_of_pause(self) -> None:
        """Do what is due when a pause of the queue has ended by itself."""
        self._resume("")

    def _resume(self, what: str) -> bool:
        keys = self.keys
        of_queue = (keys.queue, keys.levels, keys.waiting, keys.paused)
        return bool(self.connections.run(_RESUME, (*of_queue, *keys.control), (what,)))
