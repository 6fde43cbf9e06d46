"""Figures for Prometheus: of the whole fleet, from one place.

Workers count in their memory and write to Redis, where what all of them counted adds up. So there
is one target to scrape, however many worker processes there are and however often they restart;
no port per process, and no multi-process mode with its files.

Needs the extra ``prometheus``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from barback.control import list_running
from barback.metrics.buckets import BOUNDS_SECONDS
from barback.metrics.counts import RUN_US, WAIT_US
from barback.metrics.history import History
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from barback.metrics.counts import Counts, Series
    from barback.monitoring.queues import QueueStatus
    from barback.store.store import HasStore

#: The format of :func:`exposition`.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: One in so many bounds becomes a bucket for Prometheus, which keeps a time series for each.
_EVERY = 3


def exposition(broker: HasStore) -> bytes:
    """The figures as Prometheus reads them.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FleetCollector(broker))
    return generate_latest(registry)


class FleetCollector(Collector):
    """Looks at the whole fleet each time that it is asked.

    Parameters:
      broker: The broker.
    """

    def __init__(self, broker: HasStore) -> None:
        self._broker = broker

    def describe(self) -> list[Metric]:
        """Nothing is asked of Redis when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        workers = list_workers(self._broker)
        queues = queue_statuses(self._broker, workers)
        yield from _gauges(queues)
        alive = GaugeMetricFamily("barback_worker_threads", "Threads of all live workers.")
        alive.add_metric([], sum(each.threads or 0 for each in workers if each.is_live))
        yield alive
        busy = GaugeMetricFamily("barback_worker_threads_busy", "Threads that run a message.")
        busy.add_metric([], len(list_running(self._broker, workers)))
        yield busy
        history = History(self._broker)
        totals = history.totals()
        yield _messages(totals)
        yield _retries(totals)
        yield from _incidents(history.incidents(), {queue.name for queue in queues})
        yield _times("run", "How long attempts ran.", totals)
        yield _times("wait", "From sending to starting, first attempts alone.", totals)


def _gauges(statuses: list[QueueStatus]) -> Iterator[GaugeMetricFamily]:
    gauges = {
        "waiting": "Messages that wait for a worker.",
        "limited": "Messages that wait for room under a limit.",
        "running": "Messages that workers hold.",
        "delayed": "Messages that wait for their time.",
        "dead": "Dead letters.",
        "workers": "Live workers.",
        "paused": "1 while the queue is paused.",
        "oldest_seconds": "The age of the message that is next; 0 when none waits.",
    }
    for name, text in gauges.items():
        family = GaugeMetricFamily(f"barback_queue_{name}", text, labels=["queue"])
        for status in statuses:
            family.add_metric([status.name], _value(status, name))
        yield family


def _value(status: QueueStatus, name: str) -> float:
    match name:
        case "waiting":
            return status.ready
        case "paused":
            return int(status.is_paused)
        case _:
            return getattr(status, name) or 0


def _messages(totals: Mapping[Series, Counts]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "barback_messages",
        "How messages ended: done; failed, each attempt; dead, given up; skipped, or cancelled "
        "while they ran.",
        labels=["queue", "actor", "outcome"],
    )
    for series, counts in totals.items():
        for outcome in ("done", "failed", "dead", "skipped"):
            family.add_metric([*series, outcome], getattr(counts, outcome))
    return family


def _retries(totals: Mapping[Series, Counts]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "barback_retries", "Attempts that were not the first.", labels=["queue", "actor"]
    )
    for series, counts in totals.items():
        family.add_metric([*series], counts.retried)
    return family


def _incidents(
    counts: Mapping[tuple[str, str], int], queue_names: set[str]
) -> Iterator[CounterMetricFamily]:
    # From 0 on: Prometheus sees no increase in the first figure of a series.
    for kind, name, text in (
        ("crash", "barback_worker_crashes", "Workers of the queue that were found dead."),
        ("recovery", "barback_recovered_messages", "Messages of dead workers put back."),
    ):
        family = CounterMetricFamily(name, text, labels=["queue"])
        for queue_name in sorted(queue_names.union(name for it, name in counts if it == kind)):
            family.add_metric([queue_name], counts.get((kind, queue_name), 0))
        yield family
    interruptions = CounterMetricFamily(
        "barback_interruptions", "Times that a worker lost Redis and had to connect again."
    )
    interruptions.add_metric([], counts.get(("interruption", ""), 0))
    yield interruptions


def _times(kind: str, text: str, totals: Mapping[Series, Counts]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"barback_{kind}_seconds", text, labels=["queue", "actor"])
    for series, counts in totals.items():
        buckets = counts.run_buckets if kind == "run" else counts.wait_buckets
        sum_us = counts.row[RUN_US if kind == "run" else WAIT_US]
        cumulative = [
            (f"{BOUNDS_SECONDS[number]:.6g}", sum(buckets[: number + 1]))
            for number in range(0, len(BOUNDS_SECONDS), _EVERY)
        ]
        family.add_metric([*series], [*cumulative, ("+Inf", sum(buckets))], sum_us / 1_000_000)
    return family
