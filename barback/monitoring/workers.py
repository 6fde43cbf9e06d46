"""Who is at work."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.store.records import count_in, number_in, read_record, text_in

if TYPE_CHECKING:
    from barback.store.store import HasStore, Store

#: How old a worker's heartbeat may be, in seconds. It sends one every 3 s.
MAX_SILENCE_SECONDS = 10.0


@dataclass(frozen=True)
class WorkerStatus:
    """A worker process that has not said goodbye.

    Parameters:
      worker_id: Its id, which is new at every start.
      host: The name of its machine, or None when it has not introduced itself yet.
      pid: Its process there.
      threads: How many messages it works on at a time.
      lost_threads: How many of its threads have died.
      silence_seconds: For each queue that it consumes, how long ago it looked for messages, by
        the server's clock.
      version: What of its program is deployed, as the program has told its broker, or None.
      started_at: When it started, as a Unix time in seconds by its own clock, or None.
      memory_bytes: How much memory its process has, or None where that is not known.
      round_trip_seconds: How long its last heartbeat took there and back, or None.
    """

    worker_id: str
    host: str | None
    pid: int | None
    threads: int | None
    lost_threads: int
    silence_seconds: dict[str, float]
    version: str | None = None
    started_at: float | None = None
    memory_bytes: int | None = None
    round_trip_seconds: float | None = None

    @property
    def name(self) -> str:
        """The worker as people find it on their machines, or its id before it has said that."""
        return f"{self.host}:{self.pid}" if self.host else self.worker_id

    @property
    def is_live(self) -> bool:
        return min(self.silence_seconds.values()) <= MAX_SILENCE_SECONDS


def list_workers(broker: HasStore) -> list[WorkerStatus]:
    """The workers of all queues. A plain producer is no worker.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    names = sorted(store.queue_names())
    with store.client.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(store.fleet_keys.workers)
        for name in names:
            pipeline.zrange(store.keys(name).heartbeats, 0, -1, withscores=True)
        infos, *heartbeats = pipeline.execute()
    # By the clock that they were written by: servers of a cluster may disagree.
    now_ms = {shard: store.now_ms(names[0]) for shard, names in store.by_shard(names).items()}
    silences: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for name, of_queue in zip(names, heartbeats, strict=True):
        for raw_worker_id, heartbeat_ms in of_queue:
            worker_id = raw_worker_id.decode(errors="replace")
            silence_ms = now_ms[store.shard(name)] - heartbeat_ms
            silences[worker_id][name] = max(0.0, silence_ms / 1000)
    return [
        _worker_status(worker_id, infos.get(worker_id.encode()), silence_seconds)
        for worker_id, silence_seconds in sorted(silences.items())
    ]


def live_queues(broker: HasStore) -> set[str]:
    """The names of the queues that a live worker consumes."""
    return {
        queue_name
        for worker in list_workers(broker)
        for queue_name, silence_seconds in worker.silence_seconds.items()
        if silence_seconds <= MAX_SILENCE_SECONDS
    }


def worker_name(store: Store, worker_id: str) -> str:
    """The name of a worker whose id is known; see :attr:`WorkerStatus.name`.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    info: Any = store.client.hget(store.fleet_keys.workers, worker_id)
    return _worker_status(worker_id, info, {}).name


def _worker_status(
    worker_id: str, raw_info: bytes | None, silence_seconds: dict[str, float]
) -> WorkerStatus:
    info = read_record(raw_info)
    return WorkerStatus(
        worker_id=worker_id,
        host=text_in(info, "host"),
        pid=count_in(info, "pid"),
        threads=count_in(info, "threads"),
        lost_threads=count_in(info, "lost_threads") or 0,
        silence_seconds=silence_seconds,
        version=text_in(info, "version"),
        started_at=number_in(info, "started_at"),
        memory_bytes=count_in(info, "memory_bytes"),
        round_trip_seconds=number_in(info, "round_trip_seconds"),
    )
