"""What priorities cost."""

from __future__ import annotations

from benchmarks.harness.bench import Bench
from benchmarks.parts.drain import drain
from benchmarks.parts.part import DRAMATIQ, Figure, Measurements, Part

#: As many as are sent one by one.
LOOP_MESSAGES = 5_000

#: By what each is called: which actors get the messages.
KINDS = {"plain": "first", "levels": "levels"}


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    for kind, to in KINDS.items():
        bench.server.empty()
        in_loop = bench.new_ids(bench.scaled(LOOP_MESSAGES))
        rest = bench.new_ids(bench.scaled(bench.system.messages_per_process))
        with bench.producer() as producer:
            seconds = producer.ask("enqueue", first=in_loop.start, count=len(in_loop), to=to)
            producer.ask("fill", first=rest.start, count=len(rest), to=to)
        figures[f"{kind}_send_per_second"] = len(in_loop) / seconds
        figures[f"{kind}_drain_per_second"], _ = drain(bench, range(in_loop.start, rest.stop))
    return figures


PART = Part(
    name="priority",
    measure=measure,
    figures=tuple(
        Figure(f"{kind}_{what}_per_second", f"{done}, {label}, /s")
        for what, done in (("send", "sent one by one"), ("drain", "drained by 1 process"))
        for kind, label in (("plain", "plain"), ("levels", "three levels in turn"))
    ),
    systems=DRAMATIQ,
    once=True,
)
