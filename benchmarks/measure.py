"""All figures of one system, once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from benchmarks.figures.bulk_limit import bare_rpush_per_second
from benchmarks.figures.delayed_memory import delayed_messages_megabytes
from benchmarks.figures.delayed_start import delayed_start_ms
from benchmarks.figures.drain import drain
from benchmarks.figures.enqueue import enqueue_in_bulk, enqueue_one_by_one
from benchmarks.figures.idle import idle_commands_per_second
from benchmarks.figures.isolation import coffee_waits_ms
from benchmarks.figures.pickup import pickup_ms
from benchmarks.figures.recovery import recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.bench import Bench
    from benchmarks.producer import Producer
    from benchmarks.system import System

Figures = dict[str, Any]

#: By the gap between messages in milliseconds: how many are sent.
PICKUP_MESSAGES = {20: 100, 1300: 4}


def measure_throughput(bench: Bench) -> Figures:
    """Enqueue and drain, by one process and by two."""
    figures: Figures = {"delivery": {}}
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for processes in (1, 2):
        bench.server.empty()
        with bench.producer() as producer:
            count = bench.scaled(bench.system.messages_per_process * processes)
            ids = _fill(bench, producer, count, rates)
        result = drain(bench, ids, processes)
        figures[f"drain_{processes}_per_second"] = result.per_second
        figures[f"peak_{processes}_megabytes"] = result.peak_megabytes
        figures["delivery"][f"drain_{processes}"] = asdict(result.delivery)
    return figures | {name: mean(each) for name, each in rates.items()}


def _fill(bench: Bench, producer: Producer, count: int, rates: Mapping[str, list[float]]) -> range:
    in_loop = count
    if bench.system.loop_messages is not None:
        in_loop = min(count, bench.scaled(bench.system.loop_messages))
    ids, rate = enqueue_one_by_one(bench, producer, in_loop)
    rates["enqueue_per_second"].append(rate)
    if in_loop == count:
        return ids
    more, rate = enqueue_in_bulk(bench, producer, count - in_loop)
    rates["bulk_per_second"].append(rate)
    return range(ids.start, more.stop)


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


def measure_delays(bench: Bench) -> Figures:
    """How late delayed messages start, and what many of them cost a worker in memory."""
    bench.server.empty()
    with bench.producer() as producer:
        with bench.workers() as workers:
            bench.warm_up(producer, workers)
            start_ms = delayed_start_ms(bench, producer, workers)
        megabytes = delayed_messages_megabytes(bench, producer)
    return {"delayed_start_ms": start_ms, "delayed_messages_megabytes": megabytes}


def measure_bulk_limit(bench: Bench) -> Figures:
    bench.server.empty()
    with bench.producer() as producer:
        return {"bare_rpush_per_second": bare_rpush_per_second(bench, producer)}


def measure_recovery(bench: Bench) -> Figures:
    bench.server.empty()
    with bench.producer() as producer:
        return recovery(bench, producer)


def measure_isolation(bench: Bench) -> Figures:
    return {
        "coffee_on_shared_queue_ms": coffee_waits_ms(bench, on_shared=True),
        "coffee_on_own_queue_ms": coffee_waits_ms(bench, on_shared=False),
    }


@dataclass(frozen=True)
class Part:
    """Figures that are measured together.

    Parameters:
      measure: Measures them once.
      of_ours_alone: Whether only Barback offers what they need.
      once: Whether one repeat is enough: it takes long, and has many samples within.
    """

    measure: Callable[[Bench], Figures]
    of_ours_alone: bool = False
    once: bool = False

    def is_due(self, system: System, repeat: int) -> bool:
        return (system.name == "ours" or not self.of_ours_alone) and not (self.once and repeat)


PARTS = {
    "throughput": Part(measure_throughput),
    "idle": Part(measure_idle),
    "bulk-limit": Part(measure_bulk_limit, of_ours_alone=True),
    "delays": Part(measure_delays, of_ours_alone=True, once=True),
    "isolation": Part(measure_isolation, of_ours_alone=True, once=True),
    "recovery": Part(measure_recovery, of_ours_alone=True, once=True),
}
