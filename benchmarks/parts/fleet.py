"""What many idle workers cost the server."""

from __future__ import annotations

import time

from benchmarks.harness.bench import Bench
from benchmarks.harness.server import Server
from benchmarks.harness.waiting import DeadlineError
from benchmarks.parts.part import DRAMATIQ, Curve, Figure, Measurements, Part

PROCESSES = (1, 10, 50)
QUEUES = (1, 5, 20, 100)
PROCESSES_BY_QUEUES = 2

#: A fleet has started when its connections have not changed for so long, in seconds.
SETTLE_SECONDS = 2.0
START_DEADLINE_SECONDS = 120.0


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    for processes in bench.steps(PROCESSES):
        figures |= _idle(bench, f"processes_{processes}", processes)
    if bench.system.name in DRAMATIQ:
        for queues in bench.steps(QUEUES):
            figures |= _idle(bench, f"queues_{queues}", PROCESSES_BY_QUEUES, queues)
    return figures


def _idle(bench: Bench, what: str, processes: int, queues: int = 1) -> Measurements:
    bench.server.empty()
    with bench.workers(processes, env={"BENCHMARK_QUEUES": str(queues)}):
        _wait_until_settled(bench.server)
        commands, connections = bench.server.idle_load()
    return {f"{what}_commands": commands, f"{what}_connections": float(connections)}


def _wait_until_settled(server: Server) -> None:
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    seen, since = 0, time.monotonic()
    while not seen or time.monotonic() - since < SETTLE_SECONDS:
        time.sleep(0.1)
        if (now := server.connections()) != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() > deadline:
            raise DeadlineError("The connections of idle workers keep changing.")


def _figures(sizes: tuple[int, ...], what: str, of: str = "") -> dict[str, tuple[Figure, ...]]:
    kinds = {"connections": ("connections", 0), "commands": ("commands /s", 1)}
    return {
        kind: tuple(
            Figure(
                f"{what}_{size}_{kind}",
                f"{unit}{of}, {what}: {size}",
                None,
                digits,
                less_is_better=True,
            )
            for size in sizes
        )
        for kind, (unit, digits) in kinds.items()
    }


def _curve(title: str, kind: str) -> Curve:
    points = zip(PROCESSES, BY_PROCESSES[kind], strict=True)
    return Curve(title, "worker processes", tuple(points))


BY_PROCESSES = _figures(PROCESSES, "processes")
BY_QUEUES = _figures(QUEUES, "queues", f" of {PROCESSES_BY_QUEUES} processes")

PART = Part(
    name="fleet",
    measure=measure,
    figures=tuple(
        figure for each in (BY_PROCESSES, BY_QUEUES) for kind in each.values() for figure in kind
    ),
    systems=(*DRAMATIQ, "huey"),
    once=True,
    curves=(
        _curve("Connections when idle", "connections"),
        _curve("Commands per second when idle", "commands"),
    ),
)
