"""Writes what a worker has counted to Redis."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback.connection.outage import Outage
from barback.metrics.counts import FIELDS, Series
from barback.metrics.tiers import HOURS, TIERS, MetricsKeys

if TYPE_CHECKING:
    from redis.client import Pipeline

    from barback.metrics.recorder import Recorder
    from barback.store.store import Store

#: How often counts are written, in seconds. A worker that is killed loses what it counted since.
WRITE_SECONDS = 10.0

#: How often the thread looks what runs, in seconds. That alone costs no command.
LOOK_SECONDS = 2.0

#: A message that has run for so long, in seconds, is shown as running. Those that are done sooner
#: cost no command.
SHOWN_AFTER_SECONDS = 2.0

#: How long what a worker runs is believed, in seconds, if it does not say so again.
RUNNING_TTL_SECONDS = 30

#: How long the loss of a history's tail is put up with when a worker ends, in seconds.
STOP_SECONDS = 3.0


class HistoryWriter:
    """A thread that writes counts every few seconds, in one round trip, and nothing at all while
    nothing was counted.

    Parameters:
      store: Where to.
      worker_id: The worker that counts.
      recorder: What it has counted.
    """

    def __init__(self, store: Store, worker_id: str, recorder: Recorder) -> None:
        self._store = store
        self._worker_id = worker_id
        self._recorder = recorder
        self._keys = MetricsKeys(store.namespace, store.on_cluster)
        self._written: dict[Series, list[int]] = {}
        self._shown_ids: list[object] = []
        self._shown_until = 0.0
        self._stop = threading.Event()
        self._outage = Outage(
            get_logger(__name__, type(self)), "metrics", silence=store.silence("")
        )
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write. It can be stopped and started again: nothing is written twice."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="barback-metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def write(self) -> None:
        """Write what was counted since the last time.

        Raises:
          redis.RedisError: When that fails. The counts stay, and are written the next time; what
            Redis refuses to add is lost.
        """
        rows = self._recorder.rows()
        news = {
            series: difference
            for series, row in rows.items()
            if any(difference := _minus(row, self._written.get(series)))
        }
        if not news:
            return
        now = int(self._store.now_ms() / 1000)
        with self._store.client.pipeline(transaction=True) as pipeline:
            for series, row in news.items():
                self._add(pipeline, series, row, now)
            pipeline.zremrangebyscore(self._keys.series, "-inf", now - HOURS.kept_seconds)
            results = pipeline.execute(raise_on_error=False)
        # Where one command fails, the others have counted, and must not do so again.
        self._written = rows
        for result in results:
            if isinstance(result, redis.RedisError):
                raise result

    def show_running(self) -> None:
        """Tell what has been running for longer than a moment, if that has changed.

        Raises:
          redis.RedisError: When that fails.
        """
        running = self._describe_running()
        ids = [each["id"] for each in running]
        if ids == self._shown_ids and (not ids or time.monotonic() < self._shown_until):
            return
        key = self._keys.running(self._worker_id)
        if running:
            self._store.client.set(key, json.dumps(running), ex=RUNNING_TTL_SECONDS)
        else:
            self._store.client.delete(key)
        self._shown_ids = ids
        self._shown_until = time.monotonic() + RUNNING_TTL_SECONDS / 2

    def _add(self, pipeline: Pipeline, series: Series, row: list[int], now: int) -> None:
        counted = [(name, number) for name, number in zip(FIELDS, row, strict=True) if number]
        kept = [(self._keys.counts(tier, series, tier.period_of(now)), tier) for tier in TIERS]
        for key, tier in kept:
            for name, number in counted:
                pipeline.hincrby(key, name, number)
            pipeline.expire(key, tier.kept_seconds + tier.period_seconds)
        total = self._keys.total(series)
        for name, number in counted:
            pipeline.hincrby(total, name, number)
        pipeline.expire(total, HOURS.kept_seconds)
        pipeline.zadd(self._keys.series, {":".join(series): now})

    def _describe_running(self) -> list[dict[str, object]]:
        now = time.time()
        return [
            {
                "queue": each.message.queue_name,
                "actor": each.message.actor_name,
                "id": each.message.options.get("redis_message_id"),
                "since": now - each.seconds,
            }
            for each in self._recorder.running()
            if each.seconds >= SHOWN_AFTER_SECONDS
        ]

    def _run(self) -> None:
        is_last, write_at = False, time.monotonic() + WRITE_SECONDS
        while not is_last:
            is_last = self._stop.wait(LOOK_SECONDS)
            try:
                if self._outage.is_on:  # there may be nothing to write, which proves nothing
                    self._store.now_ms()
                self.show_running()
                if is_last or self._outage.is_on or time.monotonic() >= write_at:
                    write_at = time.monotonic() + WRITE_SECONDS
                    self.write()
            except (redis.RedisError, OSError) as error:
                self._outage.report(error)
            else:
                self._outage.end()


def _minus(row: list[int], earlier: list[int] | None) -> list[int]:
    return row if earlier is None else list(map(int.__sub__, row, earlier))
