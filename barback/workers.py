"""Who is at work."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barback.broker import RedisBroker

#: How old a worker's sign of life may be, in seconds. It gives one every 3 s.
MAX_SILENCE_SECONDS = 10.0


@dataclass(frozen=True)
class WorkerStatus:
    """A worker process that has not said goodbye.

    Parameters:
      worker_id: Its id, which is new at every start.
      host: The name of its machine, or None when it has not introduced itself yet.
      pid: Its process there.
      threads: How many messages it works on at a time.
      silence_seconds: For each queue that it consumes, how long ago it looked for messages, by
        the server's clock.
    """

    worker_id: str
    host: str | None
    pid: int | None
    threads: int | None
    silence_seconds: dict[str, float]

    @property
    def is_live(self) -> bool:
        return min(self.silence_seconds.values()) <= MAX_SILENCE_SECONDS


def list_workers(broker: RedisBroker) -> list[WorkerStatus]:
    """The workers of all queues. A plain producer is no worker."""
    keys = broker.worker_keys
    with broker.client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.zrange(keys.signs, 0, -1, withscores=True)
        pipeline.hgetall(keys.info)
        (seconds, microseconds), signs, infos = pipeline.execute()
    now_ms = seconds * 1000 + microseconds / 1000
    silences: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for consumer, sign_ms in signs:
        worker_id, _, queue_name = consumer.decode().partition(":")
        silences[worker_id][queue_name] = max(0.0, (now_ms - sign_ms) / 1000)
    return [
        _worker_status(worker_id, infos.get(worker_id.encode()), silence_seconds)
        for worker_id, silence_seconds in sorted(silences.items())
    ]


def live_queues(broker: RedisBroker) -> set[str]:
    """The names of the queues that a live worker consumes."""
    return {
        queue_name
        for worker in list_workers(broker)
        for queue_name, silence_seconds in worker.silence_seconds.items()
        if silence_seconds <= MAX_SILENCE_SECONDS
    }


def _worker_status(
    worker_id: str, raw_info: bytes | None, silence_seconds: dict[str, float]
) -> WorkerStatus:
    info: dict[str, Any] = json.loads(raw_info) if raw_info else {}
    return WorkerStatus(
        worker_id=worker_id,
        host=info.get("host"),
        pid=info.get("pid"),
        threads=info.get("threads"),
        silence_seconds=silence_seconds,
    )
