"""What others have stored badly, in every place: one bad row, never the end of anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from click.testing import CliRunner

from barback.cli import main
from barback.compat.delayed import release_delayed
from barback.dead_letters import DeadLetters
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

DEEP = b"[" * 100_000

BAD_PAYLOADS = [b"", b"\xff\xfe", b"null", b"5", b"{}", DEEP, b'{"queue_name": 5}']


@pytest.fixture
def done(broker: RedisBroker) -> list[str]:
    """What an actor named job has done."""
    done: list[str] = []
    dramatiq.actor(broker=broker, queue_name="jobs", actor_name="job")(done.append)
    return done


def good_message(what: str) -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", "job", (what,), {}, {})


def test_a_bad_delayed_entry_keeps_no_other_from_its_queue(
    broker: RedisBroker, done: list[str], run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given bad entries in the order of due times, in both forms, and good ones behind them
    keys = broker.store.keys("jobs")
    for number, payload in enumerate(BAD_PAYLOADS):
        for prefix in (b"ours", b"stock"):
            bad_id = b"%s-%d \xff" % (prefix, number)
            broker.client.hset(keys.delayed_messages, bad_id, payload)
            if prefix == b"ours":
                broker.client.zadd(keys.due, {bad_id: number})
            else:
                broker.client.rpush(keys.stock_delayed, bad_id)
    broker.client.zadd(keys.due, {b"no payload": 1})
    broker.client.rpush(keys.stock_delayed, b"no payload either")
    broker.enqueue(good_message("good"), delay=1)

    # When a worker comes, expect the good one to be done, and the bad ones to be dead letters
    run_worker()
    eventually(lambda: done == ["good"])
    eventually(lambda: broker.do_qsize("jobs") == 0)
    assert len(list(DeadLetters(broker, "jobs"))) == 2 * len(BAD_PAYLOADS)


def test_a_bad_delayed_entry_is_released_with_the_others(broker: RedisBroker) -> None:
    keys = broker.store.keys("jobs")
    bad = [payload for payload in BAD_PAYLOADS if payload]  # an empty one has nothing to release
    for number, payload in enumerate(bad):
        broker.client.hset(keys.delayed_messages, b"%d \xff" % number, payload)
        broker.client.zadd(keys.due, {b"%d \xff" % number: 9e99 if number else -1})
    broker.enqueue(good_message("good"), delay=60_000)

    assert sum(release_delayed(broker.store, "jobs")) == len(bad) + 1


@pytest.mark.parametrize("info", [b"\xff", b"5", DEEP, b'{"host": 5, "pid": [], "threads": {}}'])
def test_a_bad_record_of_a_worker_is_a_worker_of_whom_little_is_known(
    info: bytes, broker: RedisBroker, redis_url: str
) -> None:
    keys = broker.store.fleet_keys
    broker.store.register(["jobs"])
    broker.client.hset(keys.workers, "somebody", info)
    signs: Any = {"somebody": 1, b"\xff": 2, "a:b": 9e99}
    broker.client.zadd(broker.store.keys("jobs").heartbeats, signs)

    workers = {worker.worker_id: worker for worker in list_workers(broker)}
    bad = workers["somebody"]
    assert (bad.host, bad.pid, bad.threads) == (None, None, None)
    for command in (["status"], ["status", "--json"], ["health", "--queue", "jobs"]):
        result = CliRunner().invoke(main, ["--redis-url", redis_url, *command])
        assert result.exit_code in (0, 1), result.output
        assert not isinstance(result.exception, Exception) or result.exit_code == 1


def test_bad_records_of_workers_are_cleared_away_by_a_living_one(
    broker: RedisBroker, done: list[str], run_worker: Callable[..., dramatiq.Worker]
) -> None:
    signs = broker.store.keys("jobs").heartbeats
    strange: Any = {"somebody": 1, b"\xff": 2, "": 3, "\n": 4}
    broker.client.zadd(signs, strange)

    run_worker()
    broker.enqueue(good_message("good"))

    eventually(lambda: done == ["good"])
    eventually(lambda: broker.client.zcard(signs) <= 2, timeout_seconds=15)


def test_a_bad_name_in_the_registry_is_a_queue_like_any_other(
    broker: RedisBroker, redis_url: str
) -> None:
    broker.client.sadd(broker.store.fleet_keys.queues, b"\xff\xfe", "", "a\nb", "{", "*")
    broker.enqueue(good_message("good"))

    ready = {status.name: status.ready for status in queue_statuses(broker)}
    assert ready["jobs"] == 1
    assert len(ready) == 6
    assert CliRunner().invoke(main, ["--redis-url", redis_url, "status"]).exit_code == 0


def test_a_bad_dead_letter_hides_no_other(broker: RedisBroker, redis_url: str) -> None:
    keys = broker.store.keys("jobs")
    broker.store.register(["jobs"])
    for number, payload in enumerate(BAD_PAYLOADS):
        bad_id = b"%d \xff" % number
        broker.client.zadd(keys.dead, {bad_id: 9e99 if number else -1})
        broker.client.hset(keys.dead_messages, bad_id, payload)
        broker.client.hset(keys.dead_details, bad_id, payload or b'{"deliveries": "x", "error": 5}')

    assert len(list(DeadLetters(broker, "jobs"))) == len(BAD_PAYLOADS)
    for command in (["dead", "list"], ["dead", "list", "--json"]):
        result = CliRunner().invoke(main, ["--redis-url", redis_url, *command])
        assert result.exit_code == 0, result.output
