"""What it costs that a send returns only when the message is on disk, or on a replica."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from benchmarks.harness.bench import Bench
from benchmarks.harness.producer import ProducerError
from benchmarks.harness.server import NO_PERSISTENCE, Server, private_server
from benchmarks.harness.waiting import wait_until
from benchmarks.parts.part import Figure, Measurement, Measurements, Part

SECONDS = 3.0
CHUNK_SIZE = 500
DEADLINE_SECONDS = 30.0

SERVERS = {
    "none": NO_PERSISTENCE | {"repl-diskless-sync-delay": "0"},
    "everysec": {"save": "", "appendonly": "yes", "appendfsync": "everysec"},
    "always": {"save": "", "appendonly": "yes", "appendfsync": "always"},
}

#: By what each is called: how the server keeps messages, what sends wait for, and both in words.
KINDS = {
    "none": ("none", None, "no append-only file"),
    "everysec": ("everysec", None, "fsync each second"),
    "everysec_disk": ("everysec", "disk", "fsync each second, confirmed on disk"),
    "always": ("always", None, "fsync always"),
    "always_disk": ("always", "disk", "fsync always, confirmed on disk"),
    "replica": ("none", "replicas:1", "confirmed by a replica"),
}


@contextmanager
def _server(persistence: str, *, has_replica: bool) -> Iterator[Server]:
    with ExitStack() as stack:
        server = stack.enter_context(private_server(SERVERS[persistence]))
        if has_replica:
            address = urlsplit(server.url)
            of = f"{address.hostname} {address.port}"
            stack.enter_context(private_server({"save": "", "replicaof": of}))
            wait_until(
                lambda: server.replicas() == 1, seconds=DEADLINE_SECONDS, what="A replica's start"
            )
        yield server


def measure(bench: Bench) -> Measurements:
    figures: Measurements = {}
    for kind, (persistence, confirm, _) in KINDS.items():
        with _server(persistence, has_replica=confirm == "replicas:1") as server:
            for name, chunk in (("send", 1), ("bulk", CHUNK_SIZE)):
                figures[f"confirm_{kind}_{name}"] = _rate(bench, server.url, confirm, chunk)
    return figures


def _rate(bench: Bench, url: str, confirm: str | None, chunk: int) -> Measurement:
    options = {"confirm": confirm} if confirm else {}
    env = {"BENCHMARK_REDIS_URL": url, "BENCHMARK_BROKER_OPTIONS": json.dumps(options)}
    order = {"first": bench.new_ids(10_000_000).start, "chunk": chunk}
    try:
        with bench.producer(env=env) as producer:
            return float(producer.ask("enqueue_for", seconds=bench.seconds(SECONDS), **order))
    except ProducerError as error:
        reason = str(error).strip().splitlines()[-1]
        return f"{'not confirmed' if 'NotConfirmed' in reason else 'not supported'}: {reason}"


PART = Part(
    name="confirm",
    measure=measure,
    figures=tuple(
        Figure(f"confirm_{kind}_{name}", f"{sent}: {label}, /s")
        for name, sent in (("send", "one by one"), ("bulk", "in bulk"))
        for kind, (_, _, label) in KINDS.items()
    ),
    systems=("ours",),
    once=True,
)
