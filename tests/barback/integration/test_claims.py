"""Claims whose answer is lost or late, one step at a time. `test_protocol.py` found these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest

from tests.support.flaky_network import Fault
from tests.support.stepwise_worker import StepwiseWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from barback import RedisBroker

    MakeWorker = Callable[..., StepwiseWorker]


@pytest.fixture
def make_worker(redis_url: str) -> Iterator[MakeWorker]:
    made: list[StepwiseWorker] = []

    def make_worker(*, shares_line: bool) -> StepwiseWorker:
        made.append(StepwiseWorker(redis_url, f"worker-{len(made)}", shares_line=shares_line))
        return made[-1]

    yield make_worker
    for worker in made:
        worker.network.end(tidily=True)


def send(broker: RedisBroker, count: int = 1) -> None:
    broker.enqueue_many([dramatiq.Message("jobs", "job", (), {}, {}) for _ in range(count)])


def run_steps(worker: StepwiseWorker, count: int = 10) -> int:
    """Step and run what comes; tell how many messages were run."""
    ran = 0
    for _ in range(count):
        worker.step()
        while (delivery := worker.start()) is not None:
            worker.consumer.ack(delivery)
            worker.running.remove(delivery)
            ran += 1
    return ran


@pytest.mark.parametrize("shares_line", [False, True])
@pytest.mark.parametrize("fault", [Fault.UNANSWERED, Fault.LATE])
def test_what_a_lost_answer_held_is_given_back_at_once(
    *, fault: Fault, shares_line: bool, broker: RedisBroker, make_worker: MakeWorker
) -> None:
    # Given a worker that has claimed messages before, over a connection that is idle now
    worker = make_worker(shares_line=shares_line)
    send(broker)
    assert run_steps(worker) == 1

    # When the answer to the claim of the next ones is lost
    send(broker, 3)
    skip = 1 if shares_line else 0
    worker.network.expect((fault, skip))
    ran = run_steps(worker, 3)
    worker.network.deliver()

    # Expect it to run them all the same, without an audit
    assert ran + run_steps(worker, 20) == 3


@pytest.mark.parametrize("shares_line", [False, True])
def test_an_idle_worker_that_was_taken_for_dead_is_back_at_once(
    *, shares_line: bool, broker: RedisBroker, make_worker: MakeWorker
) -> None:
    # Given a worker that waits, and that others have taken for dead
    worker = make_worker(shares_line=shares_line)
    run_steps(worker)
    sign = broker.client.zscore(broker.store.keys("jobs").heartbeats, worker.worker_id)
    broker.store.worker_calls("jobs", worker.worker_id).recover(repr(sign).encode())

    # When a message comes, expect it to run it
    send(broker)
    assert run_steps(worker) == 1


def test_a_join_that_arrives_late_takes_nothing_away(
    broker: RedisBroker, make_worker: MakeWorker
) -> None:
    # Given a worker whose first attempt to join is held up, and which has joined since
    worker = make_worker(shares_line=False)
    worker.network.expect((Fault.LATE, 1))  # the connection says its name first
    run_steps(worker)
    send(broker)
    for _ in range(10):
        worker.step()
    running = worker.start()
    assert running is not None

    # When the first attempt arrives, expect the message to stay with the worker
    worker.network.deliver()
    assert broker.queue_length("jobs") == 0
    worker.consumer.ack(running)
    assert broker.do_qsize("jobs") == 0


def test_a_worker_wakes_although_a_broken_connection_of_its_own_hears_its_bell(
    broker: RedisBroker, make_worker: MakeWorker
) -> None:
    # Given a worker that waits, whose connection for that was cut off, which Redis does not know
    worker = make_worker(shares_line=False)
    run_steps(worker)
    worker.network.cut_all()
    run_steps(worker)

    # When a message comes, and the worker's look is due
    send(broker)
    broker.store.look(broker.store.connections, {"jobs": worker.consumer._calls.bell})

    # Expect it to run it
    assert run_steps(worker) == 1
