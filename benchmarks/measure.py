"""All figures of one system, once."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.figures.drain import drain
from benchmarks.figures.enqueue import enqueue_in_bulk, enqueue_one_by_one
from benchmarks.figures.idle import idle_commands_per_second
from benchmarks.figures.pickup import pickup_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.producer import Producer

Figures = dict[str, Any]

#: By the gap between messages in milliseconds: how many are sent.
PICKUP_MESSAGES = {20: 150, 1300: 5}


def measure_throughput(bench: Bench) -> Figures:
    """Enqueue and drain, by one process and by two."""
    figures: Figures = {"delivery": {}}
    for processes in (1, 2):
        bench.server.empty()
        with bench.producer() as producer:
            ids = _fill(bench, producer, bench.system.messages_per_process * processes, figures)
        result = drain(bench, ids, processes)
        figures[f"drain_{processes}_per_second"] = result.per_second
        figures[f"peak_{processes}_megabytes"] = result.peak_megabytes
        figures["delivery"][f"drain_{processes}"] = asdict(result.delivery)
    return figures


def _fill(bench: Bench, producer: Producer, count: int, figures: Figures) -> range:
    system = bench.system
    one_by_one = bench.scaled(min(count, system.loop_messages) if system.has_bulk else count)
    ids, figures["enqueue_per_second"] = enqueue_one_by_one(bench, producer, one_by_one)
    if system.has_bulk and (rest := bench.scaled(count) - one_by_one) > 0:
        more, figures["bulk_per_second"] = enqueue_in_bulk(bench, producer, rest)
        return range(ids.start, more.stop)
    return ids


def measure_idle(bench: Bench) -> Figures:
    """What a worker costs while it waits, and how soon it takes up what then comes."""
    bench.server.empty()
    figures: Figures = {}
    with bench.producer() as producer, bench.workers() as workers:
        bench.warm_up(producer, workers)
        figures["idle_commands_per_second"] = idle_commands_per_second(bench.server)
        for gap_ms, count in PICKUP_MESSAGES.items():
            waits = pickup_ms(bench, producer, workers, count=bench.scaled(count), gap_ms=gap_ms)
            figures[f"pickup_{gap_ms}_ms"] = waits
    return figures


PARTS: dict[str, Callable[[Bench], Figures]] = {
    "throughput": measure_throughput,
    "idle": measure_idle,
}
