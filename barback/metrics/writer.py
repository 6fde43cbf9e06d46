"""Writes what a worker has counted to Redis."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import redis
from dramatiq.logging import get_logger

from barback.connection.incidents import incidents
from barback.connection.outage import Outage
from barback.metrics.counts import FIELDS, Series
from barback.metrics.tiers import HOURS, TIERS, MetricsKeys

if TYPE_CHECKING:
    from redis.client import Pipeline

    from barback.metrics.recorder import Recorder
    from barback.store.store import Store

#: How often counts are written, in seconds. A worker that is killed loses what it counted since.
WRITE_SECONDS = 10.0

#: How often the thread counts what others have noted, in seconds. That costs no command.
COUNT_SECONDS = 1.0

#: How long the loss of a history's tail is put up with when a worker ends, in seconds.
STOP_SECONDS = 3.0


class HistoryWriter:
    """A thread that writes counts every few seconds, in one round trip, and nothing at all while
    nothing was counted.

    Parameters:
      store: Where to.
      recorder: What the worker has counted.
      version: What of the program is deployed, or None.
    """

    def __init__(self, store: Store, recorder: Recorder, *, version: str | None = None) -> None:
        self._store = store
        self._recorder = recorder
        self._version = version
        self._is_version_noted = version is None
        self._keys = MetricsKeys(store.namespace, store.on_cluster)
        self._written: dict[Series, list[int]] = {}
        self._written_incidents = incidents.counts()
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
        counts = incidents.counts()
        new_incidents = counts - self._written_incidents
        if not news and not new_incidents:
            return
        now = int(self._store.now_ms() / 1000)
        with self._store.client.pipeline(transaction=True) as pipeline:
            for series, row in news.items():
                self._add(pipeline, series, row, now)
            for kind_and_queue, number in new_incidents.items():
                pipeline.hincrby(self._keys.incidents, ":".join(kind_and_queue), number)
            pipeline.zremrangebyscore(self._keys.series, "-inf", now - HOURS.kept_seconds)
            results = pipeline.execute(raise_on_error=False)
        # Where one command fails, the others have counted, and must not do so again.
        self._written = rows
        self._written_incidents = counts
        for result in results:
            if isinstance(result, redis.RedisError):
                raise result

    def note_version(self) -> None:
        """Note when a worker of another version than the one before has started.

        Raises:
          redis.RedisError: When that fails.
        """
        if self._is_version_noted:
            return
        client, version = self._store.client, str(self._version)
        # In one step, so that of many workers that start together one notes it.
        before: Any = client.set(self._keys.version, version, get=True)
        if before != version.encode():
            now_ms = self._store.now_ms()
            now = now_ms / 1000
            client.zadd(self._keys.deployments, {f"{now_ms}:{version}": now})
            client.zremrangebyscore(self._keys.deployments, "-inf", now - HOURS.kept_seconds)
        self._is_version_noted = True

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

    def _run(self) -> None:
        is_last, write_at = False, time.monotonic() + WRITE_SECONDS
        while not is_last:
            is_last = self._stop.wait(COUNT_SECONDS)
            self._recorder.rows()
            try:
                if self._outage.is_on:  # there may be nothing to write, which proves nothing
                    self._store.now_ms()
                self.note_version()
                if is_last or self._outage.is_on or time.monotonic() >= write_at:
                    write_at = time.monotonic() + WRITE_SECONDS
                    self.write()
            except Exception as error:  # noqa: BLE001 - nothing may end this thread
                self._outage.report(error)
            else:
                self._outage.end()


def _minus(row: list[int], earlier: list[int] | None) -> list[int]:
    return row if earlier is None else list(map(int.__sub__, row, earlier))
