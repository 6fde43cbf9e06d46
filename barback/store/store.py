"""Everything that lies in Redis, for all parts of the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from redis import ResponseError

from barback.store.calls import QueueCalls
from barback.store.control_calls import ControlCalls
from barback.store.scripts import load
from barback.store.servers import Servers
from barback.store.worker_calls import WorkerCalls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import redis

    from barback.connection.cluster import Connections
    from barback.connection.connection import RedisConnection

_HEARTBEAT = load("heartbeat")
_INTRODUCE = load("introduce")
_LOOK = load("look")
_NEXT_DUE = load("next_due")
_QUEUE_STATUS = load("queue_status")
_REGISTER = load("register")


#: How many members of a sorted set Redis is asked for in one command: 10,000 would take it some
#: 5 ms.
MAX_RANGE = 2_000


class HasStore(Protocol):
    """Something that knows a store: a broker."""

    @property
    def store(self) -> Store: ...


class Store(Servers):
    """Everything that can be asked of Redis, besides keys and connections."""

    def _use(self, client: redis.Redis) -> None:
        super()._use(client)
        self._calls: dict[str, QueueCalls] = {}

    def calls(self, queue_name: str) -> QueueCalls:
        """The scripts of a queue."""
        calls = self._calls.get(queue_name)
        if calls is None:
            calls = QueueCalls(self.keys(queue_name), self.connections_to(queue_name))
            self._calls[queue_name] = calls
        return calls

    def control_calls(self, queue_name: str) -> ControlCalls:
        """The scripts that steer a queue."""
        return ControlCalls(self.keys(queue_name), self.connections_to(queue_name))

    def worker_calls(
        self, queue_name: str, worker_id: str, *, bell: str | None = None
    ) -> WorkerCalls:
        """The scripts of a queue for one worker, which waits at a bell of that queue or another."""
        return WorkerCalls(
            self.keys(queue_name),
            self.fleet_keys,
            worker_id,
            self.connections_to(queue_name),
            bell,
        )

    def register(self, queue_names: Iterable[str]) -> None:
        """Note that queues exist."""
        self.connections.run(_REGISTER, (self.fleet_keys.queues,), list(queue_names))

    def queue_names(self) -> set[str]:
        """The queues that our producers ever sent to, or our workers consumed."""
        names: Any = self.client.smembers(self.fleet_keys.queues)
        return {name.decode(errors="backslashreplace") for name in names}

    def introduce(self, worker_id: str, description: str, queue_names: Iterable[str]) -> None:
        """Say who a worker is."""
        keys = self.fleet_keys
        stock = () if self.on_cluster else (keys.stock_heartbeats,)
        self.connections.run(
            _INTRODUCE, (keys.workers, keys.queues, *stock), (worker_id, description, *queue_names)
        )

    def heartbeat(
        self,
        connection: RedisConnection | Connections,
        worker_id: str,
        alive: Mapping[str, bool],
        *,
        suspicious_ms: int,
    ) -> dict[str, list[bytes]]:
        """Send a heartbeat for queues of one shard.

        Parameters:
          connection: The connection to use.
          worker_id: The worker.
          alive: The queues, and whether the worker consumes each of them.
          suspicious_ms: How long a worker may be silent, in milliseconds.

        Returns:
          For each queue: worker, its last heartbeat, worker, its last, … of the silent ones; also
          for others of which messages hold slots that all queues share.
        """
        flags = ["1" if is_alive else "0" for is_alive in alive.values()]
        keys = [self.keys(name).heartbeats for name in alive]
        if not self.on_cluster:
            keys += (self.keys(next(iter(alive))).slots_used, self.fleet_keys.queues)
        answer: list[Any] = connection.run(_HEARTBEAT, keys, (suspicious_ms, worker_id, *flags))
        suspects = dict(zip(alive, answer[: len(alive)], strict=True))
        others = iter(answer[len(alive) :])
        for name in others:
            suspects[name.decode(errors="backslashreplace")] = next(others)
        return suspects

    def look(
        self,
        connection: RedisConnection | Connections,
        bells: Mapping[str, str],
        *,
        worker_id: str = "",
        running: Mapping[str, str] | None = None,
    ) -> tuple[list[str], list[str]]:
        """Wake workers of queues of one shard that wait although there are messages.

        Parameters:
          bells: The queues, and for each the key of the bell at which this worker waits.
          worker_id: The worker that looks.
          running: For each queue what that worker runs, as JSON; empty for nothing.

        Returns:
          The ids of the messages that it holds and should stop, and the queues that are paused.
        """
        keys: list[str] = []
        for queue, bell in ((self.keys(name), bell) for name, bell in bells.items()):
            keys += (queue.queue, queue.levels, queue.waiting, queue.paused, bell)
            keys += (queue.cancelling, queue.acks(worker_id), queue.running)
        texts = ((running or {}).get(name, "") for name in bells)
        ids, paused = connection.run(_LOOK, keys, (worker_id, *texts))
        names = list(bells)
        return [it.decode(errors="replace") for it in ids], [names[index] for index in paused]

    def next_due_ms(self, queue_names: Sequence[str]) -> dict[str, tuple[int, int]]:
        """For each queue of one shard how long until a delayed message is due (-1: there is none),
        and how many messages stock Dramatiq left.
        """
        queues = [self.keys(name) for name in queue_names]
        keys = [key for queue in queues for key in (queue.due, queue.stock_delayed)]
        answer = self.connections_to(queue_names[0]).run(_NEXT_DUE, keys)
        return dict(zip(queue_names, zip(answer[::2], answer[1::2], strict=True), strict=True))

    def queue_statuses(self, queue_names: Iterable[str]) -> dict[str, list[Any]]:
        """The state of queues, in one round trip for each shard. See :file:`queue_status.lua`."""
        answers: dict[str, list[Any]] = {}
        for names in self.by_shard(queue_names).values():
            there = self.connections_to(names[0])
            keys = [self.keys(name).status for name in names]
            try:
                found = there.call_all([_QUEUE_STATUS.by_source(each) for each in keys])
            except ResponseError:  # one by one, it tells which key is of a wrong type
                found = [there.run(_QUEUE_STATUS, each) for each in keys]
            answers.update(zip(names, found, strict=True))
        return answers

    def now_ms(self, queue_name: str | None = None) -> float:
        """The time of the server where a queue is, or of any server, in milliseconds."""
        there = self.connections if queue_name is None else self.connections_to(queue_name)
        seconds, microseconds = there.call_all([("TIME",)])[0]
        return int(seconds) * 1000 + int(microseconds) / 1000

    def read_payloads(self, messages_key: str, redis_ids: list[Any]) -> list[bytes | None]:
        """The payloads of some messages, None for those that are gone."""
        return list[Any](self.client.hmget(messages_key, redis_ids))

    def ranked(
        self, sorted_set: str, first: int, count: int, *, desc: bool = False
    ) -> dict[bytes, float]:
        """Members of a sorted set with their scores, in order, read in steps that are short for
        Redis.

        Parameters:
          sorted_set: Its key.
          first: The rank of the first one.
          count: How many at the most.
          desc: Whether the highest score comes first.
        """
        members: dict[bytes, float] = {}
        for start in range(first, first + count, MAX_RANGE):
            end = min(first + count, start + MAX_RANGE) - 1
            found: Any = self.client.zrange(sorted_set, start, end, desc=desc, withscores=True)
            members |= found
            if not found:
                break
        return members
