"""Sending messages, one by one and in bulk, and draining them."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean

from benchmarks.harness.bench import Bench
from benchmarks.harness.producer import Producer
from benchmarks.parts.drain import drain
from benchmarks.parts.part import Figure, Measurements, Part

#: As many as are sent before the clock starts: connections are made, scripts are loaded.
WARM_UP_MESSAGES = 100


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for processes in (1, 2):
        bench.server.empty()
        count = bench.scaled(bench.system.messages_per_process * processes)
        in_loop = count
        if bench.system.loop_messages is not None:
            in_loop = min(count, bench.scaled(bench.system.loop_messages))
        first = bench.new_ids(0).start
        with bench.producer() as producer:
            rates["send_per_second"].append(_send("enqueue", bench, producer, in_loop))
            if count > in_loop:
                rate = _send("enqueue_many", bench, producer, count - in_loop)
                rates["bulk_per_second"].append(rate)
        ids = range(first, bench.new_ids(0).start)
        per_second, megabytes = drain(bench, ids, processes)
        figures[f"drain_{processes}_per_second"] = per_second
        figures.setdefault("worker_1_megabytes", megabytes)
    return figures | {name: mean(each) for name, each in rates.items()}


def _send(order: str, bench: Bench, producer: Producer, count: int) -> float:
    """Send messages, and return how many were sent per second."""
    warm_up, measured = bench.new_ids(WARM_UP_MESSAGES), bench.new_ids(count)
    producer.ask(order, first=warm_up.start, count=len(warm_up))
    return count / float(producer.ask(order, first=measured.start, count=len(measured)))


SEND = Figure("send_per_second", "sent one by one, /s")
BULK = Figure("bulk_per_second", "sent in bulk, /s")
DRAIN_1 = Figure("drain_1_per_second", "drained by 1 process, /s")
DRAIN_2 = Figure("drain_2_per_second", "drained by 2 processes, /s")
MEMORY = Figure("worker_1_megabytes", "memory of 1 process, MB", less_is_better=True)

PART = Part(
    name="throughput",
    measure=measure,
    figures=(SEND, BULK, DRAIN_1, DRAIN_2, MEMORY),
)
