"""The names of the keys that do not belong to one queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class FleetKeys:
    """The keys that tell which workers and queues there are.

    Parameters:
      namespace: What every key of the broker begins with.
      on_cluster: Whether ours need a hash tag.
    """

    namespace: str
    on_cluster: bool = False

    @cached_property
    def workers(self) -> str:
        """Hash, ours: worker → its host and process, as JSON."""
        return self._own("workers")

    @cached_property
    def queues(self) -> str:
        """Set, ours: the names of the queues that were ever sent to or consumed."""
        return self._own("queues")

    @cached_property
    def format(self) -> str:
        """String, ours: the format of all that is stored."""
        return self._own("format")

    @cached_property
    def stock_heartbeats(self) -> str:
        """Sorted set: workers, and stock's producers, by their last command. Stock's are in
        client time, ours in server time.
        """
        return f"{self.namespace}:__heartbeats__"

    def bell(self, worker_id: str) -> str:
        """List, ours: gets an entry when a worker that waits for several queues should look."""
        return self._own(f"bell:{worker_id}")

    def _own(self, kind: str) -> str:
        prefix = "{__barback__}" if self.on_cluster else "__barback__"
        return f"{self.namespace}:{prefix}:{kind}"
