"""The commands of the stock broker, by which its tests and other programs reach under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dramatiq.common import q_name

from barback import lua
from barback.in_flight import Settlement
from barback.pulse import consumer_name
from barback.recovery import Recovery

if TYPE_CHECKING:
    from barback.broker import RedisBroker


class StockCommands:
    """``do_…`` as in ``dramatiq.brokers.redis.RedisBroker``, on the same keys.

    Parameters:
      broker: The broker.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    def do_enqueue(self, queue_name: str, redis_id: str, payload: bytes) -> None:
        keys = self._broker.keys(queue_name)
        self._broker.links.run(lua.ENQUEUE, (keys.queue, keys.messages), (redis_id, payload))

    def do_fetch(self, queue_name: str, count: int) -> list[bytes | None]:
        keys, worker_id = self._broker.keys(queue_name), self._broker.broker_id
        self._broker.links.run(
            lua.BEAT,
            (self._broker.worker_keys.signs, self._broker.worker_keys.info),
            (self._broker.heartbeat_timeout, worker_id, "", consumer_name(worker_id, queue_name)),
        )
        exchange_keys = keys.for_exchange(worker_id)
        _, payloads, _ = self._broker.links.run(
            lua.EXCHANGE, exchange_keys, (count, consumer_name(worker_id, queue_name))
        )
        return list(payloads)

    def do_ack(self, queue_name: str, redis_id: str) -> None:
        keys = self._broker.keys(queue_name).for_exchange(self._broker.broker_id)
        self._broker.links.run(lua.EXCHANGE, keys, (0, "", redis_id))

    def do_nack(self, queue_name: str, redis_id: str) -> None:
        plain = Settlement(redis_id, (redis_id, "dead", "{}"))
        endings = self._broker.local_worker.in_flight(queue_name).endings
        self._broker.local_worker.settle(queue_name, endings.pop(redis_id, plain))

    def do_requeue(self, queue_name: str, *redis_ids: str) -> None:
        self._broker.local_worker.give_back(queue_name, redis_ids)

    def do_purge(self, queue_name: str) -> None:
        keys, worker_id = self._broker.keys(queue_name), self._broker.broker_id
        if queue_name != q_name(queue_name):
            delayed = (keys.stock_delayed, keys.delayed_messages, keys.due, keys.wake)
            self._broker.client.delete(*delayed)
        else:
            held = (keys.acks(worker_id), keys.inbox(worker_id), keys.losses)
            dead = (keys.dead, keys.dead_messages, keys.dead_details)
            self._broker.client.delete(keys.queue, keys.messages, *held, *dead)

    def do_qsize(self, queue_name: str) -> int:
        """How much of a queue is left to do: waiting, in work or delayed.

        As with the stock broker, what is in work here or delayed counts twice. It is zero when
        and only when there is nothing left.
        """
        keys = self._broker.keys(queue_name)
        if self._broker._should_do_maintenance("qsize"):  # noqa: SLF001 - stock decides there
            recovery = Recovery(self._broker)
            recovery.recover_silent(keys.queue_name)
            recovery.purge_dead_letters(keys.queue_name)
        acks = keys.acks(self._broker.broker_id)
        left = self._broker.links.run(
            lua.QSIZE, (keys.messages, acks, keys.delayed_messages, keys.due)
        )
        return int(left)
