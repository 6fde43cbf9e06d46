"""Slow beers and quick coffees, on one queue or on two."""

from __future__ import annotations

import os

import dramatiq

from barback import RedisBroker
from benchmarks.recorder import run_task

dramatiq.set_broker(RedisBroker(url=os.environ["BENCHMARK_REDIS_URL"]))

BEER_SECONDS = 0.05


@dramatiq.actor(queue_name="beer")
def beer(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns, BEER_SECONDS)


@dramatiq.actor(queue_name="coffee")
def coffee(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)


@dramatiq.actor(queue_name="shared")
def beer_on_shared(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns, BEER_SECONDS)


@dramatiq.actor(queue_name="shared")
def coffee_on_shared(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
