"""The names of the keys in Redis.

Those of stock Dramatiq keep their names and meaning, so that its workers and producers can share
a queue with ours. All others begin with ``<namespace>:__barback__:``.

On a cluster, which stock Dramatiq does not know, the name of a queue stands in braces in each of
its keys: a *hash tag*, which keeps them on one server, where one script reaches them all.
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
      on_cluster: Whether the name is a hash tag.
    """

    namespace: str
    queue_name: str
    on_cluster: bool = False

    @cached_property
    def queue(self) -> str:
        """List: the ids of the messages that wait, the next one first."""
        return f"{self.namespace}:{self._name}"

    @cached_property
    def messages(self) -> str:
        """Hash: id → payload of every message that waits or is in work."""
        return f"{self.queue}.msgs"

    @cached_property
    def dead(self) -> str:
        """Sorted set: the ids of the dead letters, by the time of their death."""
        return f"{self.queue}.XQ"

    @cached_property
    def dead_messages(self) -> str:
        """Hash: id → payload of every dead letter."""
        return f"{self.dead}.msgs"

    @cached_property
    def stock_delayed(self) -> str:
        """List: the ids of delayed messages of stock Dramatiq, which :mod:`barback` adopts."""
        return f"{self.queue}.DQ"

    @cached_property
    def delayed_messages(self) -> str:
        """Hash: id → payload of every delayed message."""
        return f"{self.stock_delayed}.msgs"

    def acks(self, worker_id: str) -> str:
        """Set: the ids of the messages that a worker holds."""
        return f"{self.namespace}:__acks__.{worker_id}.{self._name}"

    def stock_delayed_acks(self, worker_id: str) -> str:
        """Set: the ids of the delayed messages that a stock worker holds in its memory."""
        return f"{self.acks(worker_id)}.DQ"

    @cached_property
    def levels(self) -> str:
        """Sorted set, ours: the priorities other than 0 in which messages may wait. The ids of
        each wait in a list of their own, ``<this key>:<priority>``.
        """
        return self._own("levels")

    @cached_property
    def crashes(self) -> str:
        """Hash, ours: id → how often a worker died while it held the message."""
        return self._own("crashes")

    @cached_property
    def due(self) -> str:
        """Sorted set, ours: the ids of the delayed messages, by the time they are due."""
        return self._own("due")

    @cached_property
    def delay_changed(self) -> str:
        """List, ours: holds a token when a message became the first one due."""
        return self._own("delay-changed")

    @cached_property
    def dead_details(self) -> str:
        """Hash, ours: id → why and how a message died, as JSON."""
        return self._own("dead-details")

    @cached_property
    def consumers(self) -> str:
        """Hash, ours: worker → the epoch in which it may take messages of this queue."""
        return self._own("consumers")

    @cached_property
    def heartbeats(self) -> str:
        """Sorted set, ours: the workers by their last heartbeat, in server milliseconds."""
        return self._own("heartbeats")

    @cached_property
    def waiting(self) -> str:
        """Set, ours: the bells of the workers that wait for a message of this queue."""
        return self._own("waiting")

    @cached_property
    def paused(self) -> str:
        """String, ours: why the queue is paused, as JSON, for as long as it is."""
        return self._own("paused")

    @cached_property
    def running(self) -> str:
        """Hash, ours: worker → what it runs of this queue, as JSON behind the server's time in
        milliseconds. It goes away by itself.
        """
        return self._own("running")

    @cached_property
    def cancelling(self) -> str:
        """Hash, ours: id → when and why, as JSON, of the messages that workers are asked to stop.
        What such a message said is deleted at once, so that it can never run again.
        """
        return self._own("cancelling")

    @cached_property
    def ended(self) -> str:
        """Sorted set, ours: the ids of ended messages that are remembered, by when they are to be
        forgotten.
        """
        return self._own("ended")

    @cached_property
    def ended_details(self) -> str:
        """Hash, ours: id → how a message ended, as JSON; and Dramatiq's id → id."""
        return self._own("ended-details")

    @cached_property
    def claims(self) -> str:
        """Hash, ours: unique key → the id of the message that holds it, Dramatiq's id, and until
        when it holds it at the least, in server milliseconds.
        """
        return self._own("claims")

    @cached_property
    def slots(self) -> str:
        """Hash, ours: id → how many slots its limit has, and the key of the limit, of each message
        that holds one.
        """
        return self._own("slots")

    @cached_property
    def slots_used(self) -> str:
        """Hash, ours: key of a limit → how many messages hold a slot."""
        return self._of_limits("slots-used")

    @cached_property
    def parked(self) -> str:
        """Hash, ours: id → the how-manieth, under a limit of how many, and with which key, waits
        for a slot. The ids of each key wait in a list of their own, ``<this key>:<key>``, the next
        one first.
        """
        return self._own("parked")

    @cached_property
    def lines(self) -> str:
        """What the sorted sets of the queues that wait for a slot begin with, ``<this>:<key>``; and
        a number, ours: how many have waited so far.
        """
        return self._of_limits("lines")

    @cached_property
    def paced(self) -> str:
        """Hash, ours: id → the key of the limit of each message that is delayed because too many
        have just started.
        """
        return self._own("paced")

    @cached_property
    def starts(self) -> str:
        """What the sorted sets of the latest starts under a limit begin with: ``<this>:<key>``."""
        return self._of_limits("starts")

    @cached_property
    def sending(self) -> tuple[str, ...]:
        """Where a message waits and who waits for one, in the order that the scripts want."""
        return (self.queue, self.messages, self.levels, self.waiting, self.paused)

    @cached_property
    def status(self) -> tuple[str, ...]:
        """What tells the state of the queue, in the order that :file:`queue_status.lua` wants."""
        return (
            *(self.queue, self.messages, self.levels, self.delayed_messages),
            *(self.dead, self.paused, self.parked),
        )

    @cached_property
    def control(self) -> tuple[str, ...]:
        """What a message may leave behind besides itself, in the order that the scripts want."""
        return (
            *(self.cancelling, self.ended, self.ended_details, self.claims),
            *(self.slots, self.slots_used, self.parked, self.paced, self.lines),
        )

    def bell(self, worker_id: str) -> str:
        """List, ours: gets an entry when a worker that waits for this queue alone should look."""
        return self._own(f"bell:{worker_id}")

    def once(self, token: str) -> str:
        """String, ours: the id of the message that was enqueued under a token."""
        return self._own(f"once:{token}")

    @cached_property
    def _name(self) -> str:
        if not self.on_cluster:
            return self.queue_name
        # No queue of Dramatiq has such a name, but a strange entry among the names of queues may:
        # {} would be no hash tag.
        is_strange = self.queue_name[:1] in {"", "}"}
        return f"{{{':' if is_strange else ''}{self.queue_name}}}"

    def _own(self, kind: str) -> str:
        return f"{self.namespace}:__barback__:{self._name}:{kind}"

    def _of_limits(self, kind: str) -> str:
        """What all queues share, but on a cluster, where each may be on another server."""
        name = self._name if self.on_cluster else "limits"
        return f"{self.namespace}:__barback__:{name}:{kind}"
