"""Brings back what dead workers held."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dramatiq.logging import get_logger
from redis.exceptions import ResponseError

from barback import lua
from barback.death import describe_lost_workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from barback.broker import RedisBroker
    from barback.link import Link

#: How many workers may die over a message before it becomes a dead letter.
MAX_LOSSES = 3

#: How many old dead letters are forgotten in one step.
PURGE_BATCH_SIZE = 1000


class Recovery:
    """Judges silent workers, and puts the messages of dead ones back into their queues.

    Parameters:
      broker: The broker of this process.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self.logger = get_logger(__name__, type(self))
        self._broker = broker

    def judge(self, link: Link, suspects: Sequence[bytes]) -> None:
        """Recover the messages of those silent consumers that are dead.

        Parameters:
          link: The connection to ask over.
          suspects: Consumer, last sign of life, consumer, last sign of life, …
        """
        now_ms = self._server_time_ms(link)
        for raw_consumer, sign in zip(suspects[::2], suspects[1::2], strict=True):
            worker_id, _, queue_name = raw_consumer.decode().partition(":")
            silence_ms = now_ms - float(sign)
            timed_out = silence_ms >= self._broker.heartbeat_timeout
            if timed_out or not self._is_connected(link, worker_id):
                self.recover(worker_id, queue_name, sign)

    def recover(self, worker_id: str, queue_name: str, sign: bytes) -> None:
        """Put what a dead worker held back, unless it shows a new sign of life."""
        broker = self._broker
        keys = broker.keys(queue_name)
        result = broker.links.run(
            lua.RECOVER,
            (
                keys.queue,
                keys.messages,
                keys.acks(worker_id),
                keys.inbox(worker_id),
                keys.losses,
                broker.worker_keys.signs,
                keys.dead,
                keys.dead_messages,
                keys.dead_details,
            ),
            (
                f"{worker_id}:{queue_name}",
                worker_id,
                sign,
                MAX_LOSSES,
                describe_lost_workers(MAX_LOSSES),
            ),
        )
        if result is not None:
            back, buried = result
            self.logger.warning(
                "Worker %s of queue %r is gone. Of its messages, %d are back in the queue and "
                "%d, over which %d workers have died, are dead letters.",
                worker_id,
                queue_name,
                back,
                buried,
                MAX_LOSSES,
            )

    def recover_silent(self, queue_name: str) -> None:
        """Recover the consumers of a queue that have been silent for the heartbeat time-out,
        without a look at their connections.
        """
        broker = self._broker
        _, suspects = broker.links.run(
            lua.BEAT,
            (broker.worker_keys.signs, broker.worker_keys.info),
            (broker.heartbeat_timeout, broker.broker_id, ""),
        )
        for raw_consumer, sign in zip(suspects[::2], suspects[1::2], strict=True):
            worker_id, _, name = raw_consumer.decode().partition(":")
            if name == queue_name:
                self.recover(worker_id, name, sign)

    def maintain(self, queue_names: Iterable[str]) -> None:
        """Do what is due about once a minute."""
        self._forget_gone_workers()
        for queue_name in queue_names:
            self.purge_dead_letters(queue_name)
            self._recover_stock_workers(queue_name)

    def purge_dead_letters(self, queue_name: str) -> None:
        """Forget the dead letters of a queue that are older than their time to live."""
        keys = self._broker.keys(queue_name)
        args = (self._broker.dead_message_ttl, PURGE_BATCH_SIZE)
        purged = PURGE_BATCH_SIZE
        while purged == PURGE_BATCH_SIZE:
            purged = self._broker.links.run(
                lua.PURGE_DEAD, (keys.dead, keys.dead_messages, keys.dead_details), args
            )

    def _recover_stock_workers(self, queue_name: str) -> None:
        """Bring back what workers of stock Dramatiq held, which share the queue, by their rules:
        a worker whose heartbeat is too old is dead. It is stamped with the clock of that worker;
        to compare it with the server's at least leaves this process's own clock out of it.
        """
        broker, keys = self._broker, self._broker.keys(queue_name)
        seconds, microseconds = broker.client.time()
        oldest_ms = seconds * 1000 + microseconds // 1000 - broker.heartbeat_timeout
        silent: Any = broker.client.zrange(
            broker.worker_keys.stock_heartbeats,
            "-inf",
            oldest_ms,
            byscore=True,
        )
        for worker_id in (raw_id.decode() for raw_id in silent):
            for queue, messages, acks in (
                (keys.queue, keys.messages, keys.acks(worker_id)),
                (keys.stock_delayed, keys.delayed_messages, keys.stock_delayed_acks(worker_id)),
            ):
                ids: list[Any] = list(broker.client.smembers(acks))
                if ids:
                    broker.links.run(lua.GIVE_BACK, (queue, messages, acks), ids)

    def _forget_gone_workers(self) -> None:
        """Drop the description of workers that consume nothing."""
        broker, keys = self._broker, self._broker.worker_keys
        signs: Any = broker.client.zrange(keys.signs, 0, -1)
        infos: Any = broker.client.hkeys(keys.info)
        living = {raw.partition(b":")[0] for raw in signs}
        gone = [worker_id for worker_id in infos if worker_id not in living]
        if gone:
            broker.client.hdel(keys.info, *gone)

    def _is_connected(self, link: Link, worker_id: str) -> bool:
        """Whether the connection over which a worker gives its signs of life still exists.

        Where nobody can tell, it counts as existing: then the heartbeat time-out alone decides.
        """
        raw_info = link.call("HGET", self._broker.worker_keys.info, worker_id)
        if raw_info is None:
            return True
        connection_id = json.loads(raw_info)["connection_id"]
        try:
            clients = link.call("CLIENT", "LIST", "ID", connection_id)
        except ResponseError:
            return True
        return f"name=barback:{worker_id} " in clients.decode(errors="replace")

    def _server_time_ms(self, link: Link) -> float:
        seconds, microseconds = link.call("TIME")
        return int(seconds) * 1000 + int(microseconds) / 1000
