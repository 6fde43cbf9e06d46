"""Very many delayed messages, which cost nothing until they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.compat.delayed import release_delayed
from barback.control import pause
from barback.monitoring.queues import forget_queue, queue_statuses
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from barback import RedisBroker

MANY = 100_000
AN_HOUR_MS = 3_600_000


def message(queue: str = "jobs") -> dramatiq.Message[Any]:
    return dramatiq.Message(queue, "job", (), {}, {})


def commands(client: redis.Redis) -> dict[str, int]:
    """How often the server has run each command so far."""
    stats: dict[str, Any] = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}


def new_commands(client: redis.Redis, do: Callable[[], object]) -> dict[str, int]:
    """The commands that the server runs while something is done."""
    before = commands(client)
    do()
    after = commands(client)
    return {name: count - before.get(name, 0) for name, count in after.items()}


@pytest.mark.slow
def test_stopping_and_looking_ask_no_more_of_redis_than_without_them(
    broker: RedisBroker, redis_client: redis.Redis
) -> None:
    # Given what a worker's end and a look at the queues ask of Redis when nothing is delayed
    broker.declare_queue("jobs")

    def start_and_stop() -> int:
        worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
        worker.start()
        eventually(lambda: redis_client.exists("dramatiq:__barback__:jobs:consumers"))
        return sum(new_commands(redis_client, worker.stop).values())

    def look() -> dict[str, int]:
        counted = new_commands(redis_client, lambda: queue_statuses(broker))
        return {name: count for name, count in counted.items() if count and name != "info"}

    start_and_stop()
    stop_before, look_before = start_and_stop(), look()

    # When many messages are delayed, and the server has many other keys
    broker.enqueue_many((message() for _ in range(MANY)), delay=AN_HOUR_MS)
    redis_client.mset({f"other:{number}": 1 for number in range(MANY)})

    # Expect the same, but for looks and heartbeats that fall into it
    assert start_and_stop() <= stop_before + MANY / 1000
    assert look() == look_before
    (status,) = queue_statuses(broker)
    assert status.delayed == MANY


def test_releasing_goes_on_where_it_was_broken_off_and_can_be_undone(
    broker: RedisBroker, redis_client: redis.Redis, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a release that was broken off after its first step
    broker.declare_queue("jobs")
    broker.enqueue_many((message() for _ in range(1_200)), delay=AN_HOUR_MS)
    dues: Any = redis_client.zrange("dramatiq:__barback__:jobs:due", 0, -1, withscores=True)
    due_times = dict(dues)
    assert next(release_delayed(broker.store, "jobs")) == 500

    # When it is begun anew, expect it to release the others, with their times
    assert sum(release_delayed(broker.store, "jobs")) == 700
    ids = redis_client.lrange("dramatiq:jobs.DQ", 0, -1)
    assert set(ids) == set(due_times)
    payloads: Any = broker.client.hmget("dramatiq:jobs.DQ.msgs", ids)
    for redis_id, payload in zip(ids, payloads, strict=True):
        assert dramatiq.Message.decode(payload).options["eta"] == due_times[redis_id]

    # When a worker of ours comes after all, expect it to take them back
    run_worker()
    eventually(lambda: redis_client.llen("dramatiq:jobs.DQ") == 0)
    again: Any = redis_client.zrange("dramatiq:__barback__:jobs:due", 0, -1, withscores=True)
    assert dict(again) == due_times


@pytest.mark.parametrize(
    "use",
    [
        lambda broker: broker.enqueue(message()),
        lambda broker: broker.enqueue(message(), delay=AN_HOUR_MS),
        lambda broker: broker.enqueue_many([message()]),
        lambda broker: broker.enqueue_once(message(), token="a", ttl_seconds=9),
        lambda broker: pause(broker, "jobs"),
    ],
    ids=["sent", "delayed", "in bulk", "once", "paused"],
)
def test_a_queue_is_known_from_its_first_use(
    use: Callable[[RedisBroker], object], broker: RedisBroker
) -> None:
    use(broker)

    assert [status.name for status in queue_statuses(broker)] == ["jobs"]


def test_a_queue_is_forgotten_only_when_it_is_empty_and_unused(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a queue with a message, and then with a worker
    done: list[int] = []
    job = dramatiq.actor(broker=broker, queue_name="jobs", actor_name="job")(lambda: done.append(1))
    job.send()
    with pytest.raises(ValueError, match="messages of any kind: 1"):
        forget_queue(broker, "jobs")
    worker = run_worker()
    eventually(lambda: broker.do_qsize("jobs") == 0 and done)
    with pytest.raises(ValueError, match="Workers: 1;"):
        forget_queue(broker, "jobs")

    # When both are gone, expect it to be forgotten, once
    worker.stop()
    assert forget_queue(broker, "jobs")
    assert not forget_queue(broker, "jobs")
    assert queue_statuses(broker) == []
