"""What messages from outside may and may not do to the threads of a worker."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from click.testing import CliRunner
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, default_middleware

from barback import RedisBroker
from barback.cli import main
from barback.control import Control
from barback.dead_letters import DeadLetters
from barback.messages.encoding import _OPTION_TYPES
from barback.monitoring.workers import list_workers
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

#: Of no type that any option has, but that one which is left out for it.
WRONG_VALUES: dict[type, Any] = {str: "x", int: 5, list: [1], dict: {"x": 1}, bool: True}

#: Of the right type, and still of no use.
STRANGE_OPTIONS: list[dict[str, Any]] = [
    {"min_backoff": 1e308, "max_backoff": 1e308},
    {"min_backoff": -5, "max_backoff": -5},
    {"max_retries": float("inf"), "min_backoff": float("nan")},
    {"max_age": -1},
    {"time_limit": 1e300},
    {"retries": 10**30},
    {"pipe_target": {}},
    {"pipe_target": {"actor_name": 5}},
    {"on_failure": "nobody"},
    {"on_success": "nobody"},
    {"group_completion_uuid": "x", "group_completion_callbacks": [5]},
    {"eta": 1e300},
]


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    middleware = [each() for each in default_middleware]
    broker = RedisBroker(url=redis_url, middleware=[*middleware, CurrentMessage()])
    yield broker
    broker.close()


def put(client: redis.Redis, number: int, options: dict[str, Any], *, fails: bool = True) -> None:
    """Put a message into the queue as any other program could."""
    fields = {
        "queue_name": "jobs",
        "actor_name": "job",
        "args": [number, fails],
        "kwargs": {},
        "options": options,
        "message_id": f"message-{number}",
        "message_timestamp": 1,
    }
    client.hset("dramatiq:jobs.msgs", f"id-{number}", json.dumps(fields))
    client.rpush("dramatiq:jobs", f"id-{number}")


def wrong_options() -> list[dict[str, Any]]:
    return [
        {name: value}
        for name, types in _OPTION_TYPES.items()
        for value in WRONG_VALUES.values()
        if not isinstance(value, types)
    ]


def test_no_option_of_a_message_ends_a_thread_or_harms_a_neighbour(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], redis_client: redis.Redis
) -> None:
    # Given messages with options of wrong types, each before one that is good
    done: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="jobs", max_retries=0)
    def job(number: int, fails: bool) -> None:  # noqa: FBT001
        if fails:
            raise RuntimeError("the job fails")
        done.append(number)

    wrong = wrong_options()
    for number, options in enumerate(wrong):
        put(redis_client, 2 * number, options)
        put(redis_client, 2 * number + 1, {}, fails=False)

    # When a worker takes them
    worker = run_worker(threads=2)
    eventually(lambda: len(done) == len(wrong))
    eventually(lambda: len(DeadLetters(broker, "jobs")) == len(wrong))

    # Expect each of them to be a dead letter with its reason, and both threads to live
    assert {letter.reason for letter in DeadLetters(broker, "jobs")} == {"undecodable"}
    assert all(thread.is_alive() for thread in worker.workers)
    assert broker.do_qsize("jobs") == 0


@pytest.mark.parametrize("options", STRANGE_OPTIONS, ids=str)
@pytest.mark.parametrize("fails", [True, False])
def test_no_strange_option_ends_a_thread(
    *,
    options: dict[str, Any],
    fails: bool,
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    redis_client: redis.Redis,
) -> None:
    started: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="jobs", max_retries=0)
    def job(number: int, fails: bool) -> None:  # noqa: FBT001
        started.append(number)
        if fails:
            raise RuntimeError("the job fails")

    put(redis_client, 1, options, fails=fails)
    put(redis_client, 2, {}, fails=False)
    worker = run_worker(threads=1)

    eventually(lambda: 2 in started)
    assert all(thread.is_alive() for thread in worker.workers)
    eventually(lambda: redis_client.keys("*__acks__*") == [])


@pytest.mark.parametrize("option", ["max_age", "max_retries", "time_limit"])
@pytest.mark.parametrize("given_to", ["actor", "message"])
def test_the_largest_number_means_no_limit(
    *,
    option: str,
    given_to: str,
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given an actor that fails at first, and an option as large as it can be
    broker.add_middleware(Control())
    runs: list[int] = []
    no_limit: dict[str, Any] = {option: sys.maxsize}
    for_actor = no_limit if given_to == "actor" else {}
    for_message = no_limit if given_to == "message" else {}

    @dramatiq.actor(broker=broker, queue_name="jobs", min_backoff=1, max_backoff=1, **for_actor)
    def job() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError("not yet")

    # When it is called, expect it to be tried until it succeeds
    job.send_with_options(**for_message)
    run_worker(threads=1)

    eventually(lambda: len(runs) == 3 and broker.do_qsize("jobs") == 0)
    assert len(DeadLetters(broker, "jobs")) == 0


def test_an_id_that_is_no_text_harms_no_neighbour(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], redis_client: redis.Redis
) -> None:
    # Given a message under an id of bytes that are no text, among fifty good ones
    done: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="jobs")
    def job(number: int, _: object) -> None:
        done.append(number)

    for number in range(50):
        put(redis_client, number, {}, fails=False)
    broker.client.hset("dramatiq:jobs.msgs", b"\xff\xfe", b"whatever")
    broker.client.rpush("dramatiq:jobs", b"\xff\xfe")
    broker.client.lpush("dramatiq:jobs", b"\xfd no payload")
    for number in range(50, 100):
        put(redis_client, number, {}, fails=False)

    # Expect all of them to be done, once, and the bad ones to be gone from the queue
    run_worker(threads=2)
    eventually(lambda: broker.do_qsize("jobs") == 0)
    assert sorted(done) == list(range(100))
    assert [letter.redis_id for letter in DeadLetters(broker, "jobs")] == [b"\xff\xfe"]
    assert redis_client.keys("*__acks__*") == []


class Killer(Middleware):
    """Ends the thread that has run a message, as no middleware should."""

    def after_ack(self, broker: dramatiq.Broker, message: Any) -> None:
        if message.args and message.args[0] == "deadly":
            raise SystemExit


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_lost_a_thread_replaces_it_says_so_and_is_unhealthy(
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a worker of one thread
    done = threading.Event()

    @dramatiq.actor(broker=broker, queue_name="jobs")
    def job(what: str) -> None:
        if what == "good":
            done.set()

    def health() -> Any:
        arguments = ["--redis-url", redis_url, "health", "--queue", "jobs"]
        return CliRunner().invoke(main, arguments)

    broker.add_middleware(Killer())
    worker = run_worker(threads=1)
    eventually(lambda: list_workers(broker))
    eventually(lambda: health().exit_code == 0, complaint=lambda: health().output)

    # When its thread dies
    (thread,) = worker.workers
    job.send("deadly")
    eventually(lambda: not thread.is_alive())
    job.send("good")

    # Expect another one to take its place, and the worker to be unhealthy and say why
    assert done.wait(60)
    eventually(lambda: "worker thread has died and was replaced" in caplog.text)
    eventually(lambda: health().exit_code == 1)
    assert "Threads that died: 1" in health().output


@pytest.mark.parametrize("exits_in_a_task", [False, True])
def test_an_async_actor_that_exits_fails_alone(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], *, exits_in_a_task: bool
) -> None:
    """Dramatiq's event loop ends: that message runs for ever, and every later one fails."""
    # Given an asynchronous actor that ends its program, as it believes
    broker.add_middleware(AsyncIO())
    served: list[str] = []

    async def give_up() -> None:
        sys.exit("no beer left")

    @dramatiq.actor(queue_name="jobs", max_retries=0, broker=broker)
    async def job(what: str) -> None:
        if what == "exit":
            await (asyncio.create_task(give_up()) if exits_in_a_task else give_up())
        served.append(what)

    run_worker(threads=1)

    for number in (1, 2):
        # When it is called
        job.send("exit")

        # Expect its message to be a dead letter, with that reason, and the next one to be served
        eventually(lambda: len(DeadLetters(broker, "jobs")) == number)  # noqa: B023
        job.send("serve")
        eventually(lambda: len(served) == number)  # noqa: B023
    for letter in DeadLetters(broker, "jobs"):
        assert letter.error is not None
        assert "no beer left" in letter.error
