"""Whether a long backlog is drained as fast as a short one."""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.parts.drain import drain_some
from benchmarks.parts.part import DRAMATIQ, Curve, Figure, Measurements, Part

SIZES = (1_000, 100_000, 1_000_000)


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    for size, figure in POINTS:
        bench.server.empty()
        ids = bench.new_ids(bench.scaled(size))
        with bench.producer() as producer:
            producer.ask("fill", first=ids.start, count=len(ids))
        count = min(len(ids), bench.scaled(bench.system.messages_per_process))
        figures[figure.key] = drain_some(bench, ids, count)
    bench.server.empty()
    return figures


POINTS = tuple(
    (size, Figure(f"backlog_{size}_per_second", f"drained of {size:,} messages, /s"))
    for size in SIZES
)

PART = Part(
    name="backlog",
    measure=measure,
    figures=tuple(figure for _, figure in POINTS),
    systems=(*DRAMATIQ, "huey"),
    once=True,
    curves=(Curve("Messages drained per second", "messages in the queue", POINTS),),
)
