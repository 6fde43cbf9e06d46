"""Messages over which workers have died."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.middleware import Middleware, default_middleware

from barback import RedisBroker
from barback.dead_letters import DeadLetters
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.everywhere


@pytest.mark.parametrize("ending", ["ack", "nack"])
def test_redis_is_told_of_its_end_before_the_next_one_may_start(
    ending: str, redis_url: str, redis_client: redis.Redis
) -> None:
    # Given a message over which two workers have died, that runs alone
    with contextlib.closing(RedisBroker(url=redis_url)) as broker:
        dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
        sent = broker.enqueue(dramatiq.Message("default", "note", (), {}, {}))
        redis_client.hset(keys_of(redis_client).crashes, sent.options["redis_message_id"], "2")
        consumer = broker.consume("default")
        delivery: Any = eventually(lambda: next(consumer))
        poison = broker._workers._poison
        assert poison.wait_for_turn(delivery, threading.Event())
        broker.emit_before("process_message", delivery)
        assert delivery.runs_alone

        # When it ends
        getattr(consumer, ending)(delivery)

        # Expect nothing of it to be left that the death of this worker could be blamed on
        assert not delivery.runs_alone
        assert redis_client.keys("*__acks__*") == []
        assert (
            redis_client.exists(keys_of(redis_client).crashes, keys_of(redis_client).messages) == 0
        )
        consumer.close()


def test_those_that_wait_for_their_turn_hold_up_no_stop(
    broker: RedisBroker, redis_client: redis.Redis
) -> None:
    # Given a worker that runs one message over which two workers have died, and has more of them
    runs: list[int] = []
    go_on = threading.Event()

    @dramatiq.actor(broker=broker)
    def work(number: int) -> None:
        runs.append(number)
        go_on.wait(60)

    for number in range(3):
        redis_id = work.send(number).options["redis_message_id"]
        redis_client.hset(keys_of(redis_client).crashes, redis_id, "2")
    worker = dramatiq.Worker(broker, worker_threads=3, worker_timeout=100)
    worker.start()
    eventually(lambda: runs)
    eventually(lambda: worker.work_queue.qsize() == 0)

    # When it is stopped while that runs
    stop = threading.Thread(target=worker.stop)
    stop.start()
    eventually(lambda: not worker.workers[0].running)
    go_on.set()
    stop.join(timeout=20)

    # Expect it to have started no other one, and to have given them back
    assert not stop.is_alive()
    assert len(runs) == 1
    assert broker.queue_length("default") == 2


class Recorder(Middleware):
    """Somebody who records failures, such as an error tracker."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is not None:
            self.heard.append(("failed", type(exception).__name__))

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        self.heard.append(("dead", message.actor_name))


@pytest.mark.parametrize("options", [{}, {"max_retries": 5, "retries": 2}])
def test_who_records_failures_hears_once_of_a_message_that_killed_its_workers(
    options: dict[str, Any], redis_url: str, redis_client: redis.Redis
) -> None:
    # Given a message over which three workers have died, and actors for failures
    recorder = Recorder()
    called: list[str] = []
    middleware = [*(each() for each in default_middleware), recorder]
    with contextlib.closing(RedisBroker(url=redis_url, middleware=middleware)) as broker:

        @dramatiq.actor(broker=broker, retry_when=lambda *_: True, on_failure="hear_of_failure")
        def deadly() -> None:
            called.append("deadly")

        @dramatiq.actor(broker=broker)
        def hear_of_failure(_: Any, exception_data: Any) -> None:
            called.append(exception_data["type"])

        sent = broker.enqueue(deadly.message_with_options(**options))
        redis_client.hset(keys_of(redis_client).crashes, sent.options["redis_message_id"], "3")

        # When a worker takes it
        worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
        worker.start()
        eventually(lambda: broker.do_qsize("default") == 0 and called)
        worker.stop()

        # Expect it not to run, to be a dead letter, and each of them to hear of it once
        assert called == ["WorkersDied"]
        assert recorder.heard == [("failed", "WorkersDied"), ("dead", "deadly")]
        (letter,) = DeadLetters(broker, "default")
        assert letter.reason == "worker died"
