"""The names of the keys in Redis.

Those of stock Dramatiq keep their names and meaning, so that its workers and producers can share
a queue with ours. Ours are marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class QueueKeys:
    """The keys of one queue.

    Parameters:
      namespace: What every key of the broker begins with.
      queue_name: The plain name of the queue, without ``.DQ`` or ``.XQ``.
    """

    namespace: str
    queue_name: str

    @cached_property
    def queue(self) -> str:
        """List: the ids of the messages that wait, the next one first."""
        return f"{self.namespace}:{self.queue_name}"

    @cached_property
    def messages(self) -> str:
        """Hash: id → payload of every message that waits or is in work."""
        return f"{self.queue}.msgs"

    @cached_property
    def losses(self) -> str:
        """Hash, ours: id → how often a worker died while it held the message."""
        return f"{self.queue}.losses"

    @cached_property
    def dead(self) -> str:
        """Sorted set: the ids of the dead letters, by the time of their death."""
        return f"{self.queue}.XQ"

    @cached_property
    def dead_messages(self) -> str:
        """Hash: id → payload of every dead letter."""
        return f"{self.dead}.msgs"

    @cached_property
    def dead_details(self) -> str:
        """Hash, ours: id → why and how a message died, as JSON."""
        return f"{self.dead}.details"

    @cached_property
    def stock_delayed(self) -> str:
        """List: the ids of delayed messages of stock Dramatiq, which :mod:`barback` adopts."""
        return f"{self.queue}.DQ"

    @cached_property
    def delayed_messages(self) -> str:
        """Hash: id → payload of every delayed message."""
        return f"{self.stock_delayed}.msgs"

    @cached_property
    def due(self) -> str:
        """Sorted set, ours: the ids of the delayed messages, by the time they are due."""
        return f"{self.stock_delayed}.due"

    @cached_property
    def wake(self) -> str:
        """List, ours: holds a token when a message became the first one due."""
        return f"{self.stock_delayed}.wake"

    def acks(self, worker_id: str) -> str:
        """Set: the ids of the messages that a worker holds."""
        return f"{self.namespace}:__acks__.{worker_id}.{self.queue_name}"

    def stock_delayed_acks(self, worker_id: str) -> str:
        """Set: the ids of the delayed messages that a stock worker holds in its memory."""
        return f"{self.acks(worker_id)}.DQ"

    def for_exchange(self, worker_id: str) -> tuple[str, ...]:
        """The keys of :file:`exchange.lua`, in its order."""
        return (
            self.queue,
            self.messages,
            self.acks(worker_id),
            self.inbox(worker_id),
            self.losses,
            WorkerKeys(self.namespace).signs,
        )

    def inbox(self, worker_id: str) -> str:
        """List, ours: ids that the blocking move has claimed for a worker."""
        return f"{self.namespace}:__inbox__.{worker_id}.{self.queue_name}"


@dataclass(frozen=True)
class WorkerKeys:
    """The keys that tell which workers live.

    Parameters:
      namespace: What every key of the broker begins with.
    """

    namespace: str

    @cached_property
    def signs(self) -> str:
        """Sorted set, ours: ``worker:queue`` by its last sign of life, in server milliseconds."""
        return f"{self.namespace}:__workers__"

    @cached_property
    def info(self) -> str:
        """Hash, ours: worker → its host, process and connection, as JSON."""
        return f"{self.signs}.info"

    @cached_property
    def stock_heartbeats(self) -> str:
        """Sorted set: stock workers and producers by their last command, in client time."""
        return f"{self.namespace}:__heartbeats__"

    def once(self, token: str) -> str:
        """String, ours: the id of the message that was enqueued under a token."""
        return f"{self.namespace}:__once__:{token}"
