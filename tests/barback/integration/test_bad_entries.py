"""What others have stored badly, in every place: one bad row, never the end of anything."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis
from click.testing import CliRunner

from barback.board.messages import waiting_ids
from barback.cli import main
from barback.compat.delayed import release_delayed
from barback.control import Control, Limit
from barback.dead_letters import DeadLetters
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers
from barback.recovery import heartbeat_line
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker
    from barback.store.keys import QueueKeys

pytestmark = pytest.mark.everywhere

DEEP = b"[" * 100_000

#: JSON can say it, and no bytes are that.
HALF_A_CHARACTER = "\ud800"

BAD_PAYLOADS = [b"", b"\xff\xfe", b"null", b"5", b"{}", DEEP, b'{"queue_name": 5}']


@pytest.fixture
def done(broker: RedisBroker) -> list[str]:
    """What an actor named job has done."""
    done: list[str] = []
    dramatiq.actor(broker=broker, queue_name="jobs", actor_name="job")(done.append)
    return done


@pytest.fixture
def limited(broker: RedisBroker) -> list[str]:
    """What an actor named limited has done, of which one at a time may run for each argument."""
    broker.add_middleware(Control())
    done: list[str] = []
    one_each = Limit(key=lambda what: what, at_once=1)
    dramatiq.actor(
        broker=broker, queue_name="jobs", actor_name="limited", max_retries=0, limit=one_each
    )(done.append)
    return done


def good_message(what: str) -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", "job", (what,), {}, {})


def put(
    broker: RedisBroker, redis_id: str, actor_name: str = "job", what: str = "bad", **changed: Any
) -> None:
    """Put a message into the queue as another program may do it."""
    keys = broker.store.keys("jobs")
    fields = {
        "queue_name": "jobs",
        "actor_name": actor_name,
        "args": [what],
        "kwargs": {},
        "options": {},
        "message_id": redis_id,
        "message_timestamp": 1,
    }
    broker.client.hset(keys.messages, redis_id, json.dumps({**fields, **changed}))
    broker.client.rpush(keys.queue, redis_id)


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


def test_a_bad_epoch_of_a_worker_does_not_end_its_work(broker: RedisBroker) -> None:
    consumer: Any = broker.consume("jobs", timeout=20)
    with contextlib.closing(consumer):
        broker.enqueue(good_message("one"))
        consumer.ack(eventually(lambda: next(consumer)))
        keys = broker.store.keys("jobs")
        (worker_id,) = broker.client.hkeys(keys.consumers)
        broker.client.hset(keys.consumers, worker_id, "no epoch")

        broker.enqueue(good_message("two"))
        assert eventually(lambda: next(consumer)).args == ("two",)


def test_bad_records_of_workers_are_cleared_away_by_a_living_one(
    broker: RedisBroker,
    done: list[str],
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat_line, "SETTLING_SECONDS", 0.0)
    signs = broker.store.keys("jobs").heartbeats
    strange: Any = {"somebody": 1, b"\xff": 2, "": 3, "\n": 4}
    broker.client.zadd(signs, strange)

    run_worker()
    broker.enqueue(good_message("good"))

    eventually(lambda: done == ["good"])
    eventually(lambda: broker.client.zcard(signs) <= 2)


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


def test_half_a_character_ends_no_thread_and_strands_no_neighbour(
    broker: RedisBroker,
    done: list[str],
    limited: list[str],
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given it wherever a message names something that Redis is told, more often than threads
    for number in range(3):
        put(broker, f"id-{number}", message_id=f"{HALF_A_CHARACTER}-{number}")
        control = {"unique": HALF_A_CHARACTER, "conflict": "return", "until_start": True}
        put(broker, f"unique-{number}", options={"control": control})
        put(broker, f"limited-{number}", "limited", HALF_A_CHARACTER)
    broker.enqueue(good_message("good"))

    # When a worker comes, expect the good one to be done, and the others to be dead letters
    worker = run_worker(threads=2)
    threads = list(worker.workers)
    eventually(lambda: done == ["good"] and broker.do_qsize("jobs") == 0)
    assert len(list(DeadLetters(broker, "jobs"))) == 9
    assert all(thread.is_alive() for thread in threads)
    assert limited == []


@pytest.mark.parametrize(
    "options", [{"max_attempts": math.inf}, {"max_retries": math.inf}, {"max_attempts": math.nan}]
)
def test_an_endless_number_interrupts_no_heartbeat(
    options: dict[str, float],
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a message that says so much of its attempts, and runs until others were told of it
    seen: list[Any] = []

    def run(_: str) -> None:
        running = broker.store.keys("jobs").running
        told: list[Any] = eventually(lambda: broker.client.hvals(running))
        seen.extend(told)

    dramatiq.actor(broker=broker, queue_name="jobs", actor_name="job", max_retries=0)(run)
    put(broker, "endless", options=options)
    put(broker, "good")
    run_worker(threads=1)

    eventually(lambda: broker.do_qsize("jobs") == 0)
    assert seen
    assert b"Infinity" not in seen[0]
    assert "Interrupted" not in caplog.text


def test_a_bad_note_of_crashes_is_none(
    broker: RedisBroker, done: list[str], run_worker: Callable[..., dramatiq.Worker]
) -> None:
    put(broker, "noted", what="noted")
    put(broker, "neighbour", what="good")
    crashes = broker.store.keys("jobs").crashes
    broker.client.hset(crashes, "noted", "x")

    run_worker()

    eventually(lambda: broker.do_qsize("jobs") == 0)
    assert sorted(done) == ["good", "noted"]
    assert not broker.client.exists(crashes)


def spoil_levels(client: redis.Redis, keys: QueueKeys) -> None:
    client.zadd(keys.levels, {"urgent": 5})


def test_the_board_lists_what_waits_beside_a_bad_entry_about_priorities(
    broker: RedisBroker,
) -> None:
    keys = broker.store.keys("jobs")
    spoil_levels(broker.client, keys)
    broker.enqueue(good_message("plain"))
    urgent = broker.enqueue(good_message("urgent").copy(options={"priority": -5}))

    found = waiting_ids(broker.store, keys, 0, 10)

    assert len(found) == 2
    assert found[0].decode() == urgent.options["redis_message_id"]


def spoil_parked(client: redis.Redis, keys: QueueKeys) -> None:
    client.hset(keys.parked, mapping={"somebody": "x", "else": ""})


def spoil_slots(client: redis.Redis, keys: QueueKeys) -> None:
    client.hset(keys.slots, mapping={"first": "x", "second": "", "nobody": "x"})


def spoil_slots_used(client: redis.Redis, keys: QueueKeys) -> None:
    client.hset(keys.slots_used, "good", "x")


def test_slots_that_nobody_holds_are_free_again(
    broker: RedisBroker,
    limited: list[str],
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given a slot that was counted, and of which somebody has deleted the rest
    keys = broker.store.keys("jobs")
    broker.client.hset(keys.slots_used, "good", 1)
    put(broker, "waits", "limited", "good")
    run_worker()
    # (a worker that has just started counts them anew, too)
    eventually(lambda: limited or broker.client.hlen(keys.parked) == 1)

    # When it is counted anew, expect the message that waits for it to be done
    broker.store.control_calls("jobs").sweep([])
    eventually(lambda: limited == ["good"])
    eventually(lambda: not broker.client.exists(keys.slots_used))


@pytest.mark.parametrize("spoil", [spoil_levels, spoil_parked, spoil_slots, spoil_slots_used])
def test_a_bad_entry_about_limits_and_priorities_holds_up_no_message(
    spoil: Callable[[redis.Redis, QueueKeys], None],
    broker: RedisBroker,
    done: list[str],
    limited: list[str],
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    spoil(broker.client, broker.store.keys("jobs"))
    put(broker, "first", "limited", "good")
    put(broker, "second", "limited", "good")
    broker.enqueue(good_message("good"))

    run_worker()

    eventually(lambda: (done, limited) == (["good"], ["good", "good"]))


@pytest.mark.one_server
@pytest.mark.parametrize("name", ["heartbeats", "cancelling", "running"])
def test_a_key_of_another_type_keeps_no_other_queue_from_its_worker(
    name: str, broker: RedisBroker
) -> None:
    # Given something else under a key of the first of a worker's queues, and a pause of the second
    store, there = broker.store, broker.store.keys("there")
    broker.client.set(getattr(store.keys("jobs"), name), "somebody else's")
    broker.client.set(there.paused, "")

    # When it gives its heartbeat and looks, expect the second to have heard, and it to have seen
    queues = {"jobs": True, "there": True}
    store.heartbeat(store.connections, "worker", queues, suspicious_ms=1000)
    _, paused = store.look(store.connections, {"jobs": "bell", "there": "bell"}, worker_id="worker")
    assert broker.client.zcard(there.heartbeats) == 1
    assert paused == ["there"]


@pytest.mark.parametrize("name", ["due", "heartbeats", "levels", "running", "stock_delayed"])
def test_a_key_of_another_type_holds_up_no_other_queue_and_is_said_once(
    name: str,
    broker: RedisBroker,
    done: list[str],
    run_worker: Callable[..., dramatiq.Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given something else under a key of one queue, and messages in another one
    there: list[str] = []
    dramatiq.actor(broker=broker, queue_name="there", actor_name="there")(there.append)
    key = getattr(broker.store.keys("jobs"), name)
    broker.client.set(key, "somebody else's")
    for number in range(3):
        delayed = good_message(f"later {number}").copy(queue_name="there", actor_name="there")
        broker.enqueue(delayed, delay=200 * number + 1)

    # When a worker comes that serves both, expect the others to be done, and its heartbeat
    run_worker()
    eventually(lambda: len(there) == 3)
    assert broker.client.zcard(broker.store.keys("there").heartbeats) == 1
    assert caplog.text.count("Expected the key") <= 1
    assert caplog.text.count("Resumed") == 0

    # When that is gone, expect the queue to be served
    broker.client.delete(key)
    broker.enqueue(good_message("good"))
    eventually(lambda: done == ["good"])


def test_what_could_not_be_taken_is_taken_when_the_keys_are_right_again(
    broker: RedisBroker, done: list[str], run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a worker that waits, messages of two priorities, and something else under two keys
    run_worker()
    keys = broker.store.keys("jobs")
    eventually(lambda: broker.client.scard(keys.waiting) == 1)
    wrong = (keys.waiting, f"{keys.levels}:5")
    for key in wrong:
        broker.client.delete(key)
        broker.client.set(key, "somebody else's")
    broker.client.zadd(keys.levels, {"5": 5})
    put(broker, "first", what="good")
    bell = keys.bell(broker.broker_id)
    broker.client.rpush(bell, keys.waiting)
    eventually(lambda: broker.client.llen(bell) == 0)

    # When these are gone, expect nothing to be lost
    for key in wrong:
        broker.client.delete(key)
    eventually(lambda: done == ["good"])


@pytest.mark.one_server
@pytest.mark.parametrize("redis_ids", [["plain"], ["5:urgent"], ["plain", "5:urgent"]])
def test_messages_that_a_queue_cannot_take_are_refused_and_leave_nothing(
    redis_ids: list[str], broker: RedisBroker
) -> None:
    keys, calls = broker.store.keys("jobs"), broker.store.calls("jobs")
    broker.client.set(keys.queue, "somebody else's")

    with pytest.raises(redis.ResponseError):
        calls.send(calls.enqueueing([part for name in redis_ids for part in (name, "{}")]), None)

    assert broker.client.keys("dramatiq:*jobs*") == [keys.queue.encode()]


@pytest.mark.parametrize("key", ["levels", "levels:5"])
def test_a_dead_worker_is_not_recovered_twice_where_a_key_is_of_another_type(
    key: str, broker: RedisBroker
) -> None:
    keys = broker.store.keys("jobs")
    wrong = keys.levels.replace("levels", key)
    for redis_id in ("held", "5:held"):
        put(broker, redis_id)
        broker.client.rpop(keys.queue)
        broker.client.sadd(keys.acks("dead"), redis_id)
    broker.client.zadd(keys.heartbeats, {"dead": 1})
    broker.client.set(wrong, "somebody else's")
    calls = broker.store.worker_calls("jobs", "dead")

    for _ in range(3):
        with pytest.raises(redis.ResponseError):
            calls.recover(b"1")
    broker.client.delete(wrong)

    assert calls.recover(b"1")
    assert broker.client.lrange(f"{keys.levels}:5", 0, -1) == [b"5:held"]
    assert broker.client.lrange(keys.queue, 0, -1) == [b"held"]


def test_a_message_of_stock_dramatiq_that_is_never_due_keeps_no_other(
    broker: RedisBroker, done: list[str], run_worker: Callable[..., dramatiq.Worker]
) -> None:
    keys = broker.store.keys("jobs")
    for name, eta in (("never", math.inf), ("no time", math.nan), ("good", 1)):
        message = good_message(name).copy(options={"eta": eta}).copy(queue_name="jobs.DQ")
        broker.client.hset(keys.delayed_messages, name, message.encode())
        broker.client.rpush(keys.stock_delayed, name)

    run_worker()

    eventually(lambda: "good" in done)
    eventually(lambda: broker.client.llen(keys.stock_delayed) == 0)


def test_bad_entries_about_a_message_end_no_command(broker: RedisBroker, redis_url: str) -> None:
    # Given a worker that is said to live, and in each place something else than a worker writes
    store, keys = broker.store, broker.store.keys("jobs")
    store.register(["jobs"])
    broker.client.zadd(keys.heartbeats, {"worker": 9e99})
    said = [5, {}, {"id": "running", "running_seconds": "x", "progress": 5, "attempt": math.inf}]
    for number, payload in enumerate([*BAD_PAYLOADS, json.dumps(said).encode()]):
        redis_id = f"abcd{number}"
        for key in (keys.cancelling, keys.crashes, keys.ended_details, keys.parked):
            broker.client.hset(key, redis_id, payload)
        broker.client.zadd(keys.ended, {redis_id: math.inf})
        broker.client.hset(keys.running, "worker", b"1 " + payload)
    put(broker, "abcd-late", message_timestamp=2**53 - 1, options={"max_retries": math.inf})
    broker.client.sadd(keys.acks("worker"), "running")
    put(broker, "running")
    broker.client.set(keys.paused, DEEP)

    # When somebody asks, expect an answer
    for command in (
        *(["status"], ["status", "--json"], ["metrics"], ["dead", "list"]),
        *(["show", name] for name in ("abcd1", "abcd5", "abcd-late", "running", "abcd", "\udcff")),
        *(["show", "--json", "abcd-late"], ["cancel", "running"], ["cancel", "\udcff"]),
    ):
        result = CliRunner().invoke(main, ["--redis-url", redis_url, *command])
        assert isinstance(result.exception, SystemExit | None), (command, result.exception)
        if "--json" in command:
            json.loads(result.output, parse_constant=pytest.fail)


@pytest.mark.parametrize("command", [["pause", "\udcff"], ["--namespace", "\udcff", "status"]])
def test_an_argument_that_is_no_text_is_wrong_usage(command: list[str], redis_url: str) -> None:
    result = CliRunner().invoke(main, ["--redis-url", redis_url, *command])

    assert result.exit_code == 2
    assert "Expected text, got" in result.stderr
