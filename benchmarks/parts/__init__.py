"""What is measured: a module for each part, in the order of the report."""

from __future__ import annotations

from benchmarks.parts import (
    backlog,
    confirm,
    delays,
    fleet,
    isolation,
    limits,
    memory,
    network,
    pickup,
    priority,
    queues,
    recovery,
    throughput,
)  # fmt: skip

_MODULES = (
    throughput, pickup, network, delays, memory, backlog, queues, fleet, priority, limits,
    confirm, isolation, recovery,
)  # fmt: skip

PARTS = {module.PART.name: module.PART for module in _MODULES}
