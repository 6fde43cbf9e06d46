"""Pick-up where the server is a network away."""

from __future__ import annotations

from contextlib import closing

from benchmarks.harness.bench import Bench
from benchmarks.harness.server import Server
from benchmarks.harness.slow_network import slow_network
from benchmarks.parts.part import Figure, Measurements, Part, percentiles
from benchmarks.parts.pickup import MESSAGES, waits_ms

#: What the proxy adds each way. With its own work, a round trip takes about 0.5 ms.
ONE_WAY_SECONDS = 0.000_05


def measure(bench: Bench) -> Measurements:
    bench.server.empty()
    with slow_network(bench.server.url, ONE_WAY_SECONDS) as url:
        with closing(Server(url)) as server:
            round_trip_ms = server.round_trip_ms()
        env = {"BENCHMARK_REDIS_URL": url}
        with bench.producer(env=env) as producer, bench.workers(env=env) as workers:
            bench.warm_up(producer, workers)
            waits = waits_ms(bench, producer, workers, count=MESSAGES[20])
    return {"network_round_trip_ms": round_trip_ms, "network_pickup_ms": waits}


ROUND_TRIP = Figure(
    "network_round_trip_ms", "round trip of a PING, ms", digits=2, is_comparable=False
)

PART = Part(
    name="network",
    measure=measure,
    figures=(*percentiles("network_pickup_ms", "wait, a message each 20 ms, ms"), ROUND_TRIP),
)
