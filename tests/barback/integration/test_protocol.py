"""Workers, a producer and Redis, one step at a time, over a network that fails at any of them.

Hypothesis chooses the steps. Whatever it chooses: a message that Redis has taken is always in one
place, and when all has calmed down, it is done or dead; it ran twice only where its worker died.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from barback.connection import outage
from barback.consuming import claims
from barback.errors import BrokerUnavailable, BulkEnqueueFailed
from tests.barback.integration.protocol_world import LogOfErrors, World
from tests.support.flaky_network import Fault, PlannedFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stepwise_worker import StepwiseWorker

#: How many workers live at the same time, at the most.
MAX_WORKERS = 2

#: What goes wrong, and after how many steps of the network.
FAULTS = st.none() | st.tuples(st.sampled_from(list(Fault)), st.integers(0, 4))
DELAYS_MS = st.sampled_from([None, None, 0, 3])
ENDS = st.sampled_from(["ack", "ack", "nack", "retry", "retry later"])
ELSEWHERE = (
    "send_by_stock",
    "recover_the_dead",
    "look",
    "promote",
    "pause",
    "resume",
    "kill_connections",
    "forget_scripts",
    "deliver_what_is_late",
)
PRIORITIES = st.sampled_from([None, None, None, -5, 7])


class Protocol(World):
    """The rules are what may happen next."""

    workers = Bundle("workers")

    # -- the producers ----------------------------------------------------------------------------

    @rule(priority=PRIORITIES, delay=DELAYS_MS, fault=FAULTS)
    def send(self, priority: int | None, delay: int | None, fault: PlannedFault) -> None:
        self.network.expect(fault)
        with suppress(BrokerUnavailable):
            message = self.message(priority)
            self.producer.enqueue(message, delay=delay)
            self.accepted.add(message.args[0])

    @rule(count=st.integers(2, 6), delay=DELAYS_MS, fault=FAULTS)
    def send_many(self, count: int, delay: int | None, fault: PlannedFault) -> None:
        self.network.expect(fault)
        messages = [self.message(None) for _ in range(count)]
        with suppress(BulkEnqueueFailed, BrokerUnavailable):
            self.producer.enqueue_many(messages, delay=delay)
            self.accepted |= {message.args[0] for message in messages}

    @rule(token=st.sampled_from(["a", "b", "c"]), fault=FAULTS)
    def send_once(self, token: str, fault: PlannedFault) -> None:
        self.network.expect(fault)
        message = self.message(None)
        with suppress(BrokerUnavailable):
            if self.producer.enqueue_once(message, token=token, ttl_seconds=60) is not None:
                self.accepted.add(message.args[0])

    # -- the workers ------------------------------------------------------------------------------

    @precondition(lambda self: len(self.living) < MAX_WORKERS)
    @rule(target=workers, shares_line=st.booleans())
    def hire(self, *, shares_line: bool) -> Any:
        return self.add_worker(shares_line=shares_line) or multiple()

    @rule(worker=workers, steps=st.integers(1, 4), fault=FAULTS)
    def consume(self, worker: StepwiseWorker, steps: int, fault: PlannedFault) -> None:
        self.let_consume(worker, steps, fault)

    @rule(worker=workers, ends=st.lists(ENDS, min_size=1, max_size=3))
    def work(self, worker: StepwiseWorker, ends: list[str]) -> None:
        for end in ends:
            self.let_consume(worker, 2)
            self.let_start(worker)
            self.let_finish(worker, end)

    @rule(worker=workers)
    def start(self, worker: StepwiseWorker) -> None:
        self.let_start(worker)

    @rule(worker=workers, end=ENDS, fault=FAULTS)
    def finish(self, worker: StepwiseWorker, end: str, fault: PlannedFault) -> None:
        self.let_finish(worker, end, fault)

    @rule(worker=workers)
    def audit(self, worker: StepwiseWorker) -> None:
        worker.audit()
        worker.step()

    @rule(worker=consumes(workers))
    def stop(self, worker: StepwiseWorker) -> None:
        self.finished |= {delivery.args[0] for delivery in worker.running}
        self.excuse(worker)
        worker.stop()
        self.bury(worker)

    @rule(worker=consumes(workers), tidily=st.booleans())
    def die(self, worker: StepwiseWorker, tidily: bool) -> None:  # noqa: FBT001
        self.tally["workers that died"] += 1
        self.excuse(worker)
        worker.network.end(tidily=tidily)
        self.bury(worker)

    # -- what others do ---------------------------------------------------------------------------

    @rule(what=st.sampled_from(ELSEWHERE))
    def happens_elsewhere(self, what: str) -> None:
        getattr(self, what)()

    @rule(worker=workers)
    def take_for_dead(self, worker: StepwiseWorker) -> None:
        self.excuse(worker)
        self.recover(worker)

    @rule(worker=workers)
    def cut_off(self, worker: StepwiseWorker) -> None:
        self.tally["connections cut off"] += 1
        worker.network.cut_all()


@pytest.fixture
def protocol(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Protocol]]:
    for name in ("FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(outage, name, 0.0001)
    log = LogOfErrors()
    logger = logging.getLogger(claims.__name__)
    logger.addHandler(log)
    with redis.Redis.from_url(redis_url) as control:
        yield type(
            "Protocol",
            (Protocol,),
            {"redis_url": redis_url, "control": control, "log": log, "tally": Counter()},
        )
    logger.removeHandler(log)


def try_out(protocol: type[Protocol], *, interleavings: int, steps: int, is_same: bool) -> None:
    """Run the state machine, and print what was tried."""
    run_state_machine_as_test(
        protocol,
        settings=settings(
            max_examples=interleavings,
            stateful_step_count=steps,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.generate],  # to shorten a failing run takes many minutes
            derandomize=is_same,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    tried = ", ".join(f"{what} {count:,}" for what, count in sorted(protocol.tally.items()))
    sys.stdout.write(f"{tried}\n")


def test_nothing_is_lost_or_stranded_at_any_step(protocol: type[Protocol]) -> None:
    try_out(protocol, interleavings=15, steps=40, is_same=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_stranded_at_any_step_of_many(protocol: type[Protocol]) -> None:
    try_out(protocol, interleavings=250, steps=60, is_same=False)
