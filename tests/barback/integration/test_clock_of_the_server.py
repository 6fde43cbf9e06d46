"""What it does to workers when the clock of their server is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from barback.messages.room import Room

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

HOUR_MS = 3_600_000


def test_a_worker_that_is_there_keeps_its_messages_when_the_clock_is_set_forward(
    broker: RedisBroker,
) -> None:
    # Given a worker that holds a message, and whose last heartbeat seems to be an hour old
    store, keys = broker.store, broker.store.keys("jobs")
    connection = store.connection("jobs", name="barback:somebody")
    broker.client.sadd(keys.acks("somebody"), "held")
    broker.client.hset(keys.messages, "held", "{}")
    heartbeat = str(store.now_ms("jobs") - HOUR_MS).encode()
    broker.client.zadd(keys.heartbeats, {"somebody": heartbeat.decode()})

    # When it is judged before its next heartbeat is due, expect nothing to be taken from it
    broker._recovery.judge(connection, "jobs", [b"somebody", heartbeat])
    assert broker.client.scard(keys.acks("somebody")) == 1

    # When it is gone, expect that others get what it held
    connection.close()
    other = store.connection("jobs")
    broker._recovery.judge(other, "jobs", [b"somebody", heartbeat])
    other.close()
    assert broker.client.lrange(keys.queue, 0, -1) == [b"held"]


def test_maintenance_takes_no_message_from_a_worker_that_nobody_has_judged(
    broker: RedisBroker,
) -> None:
    # Given a worker that holds a message, and has given no heartbeat for an hour: its machine was
    # asleep, the server was away, or its clock was set forward
    store, keys = broker.store, broker.store.keys("jobs")
    hour_ago_ms = store.now_ms("jobs") - HOUR_MS
    broker.client.sadd(keys.acks("somebody"), "held")
    broker.client.hset(keys.messages, "held", "{}")
    broker.client.zadd(keys.heartbeats, {"somebody": hour_ago_ms})
    broker.client.zadd(store.fleet_keys.stock_heartbeats, {"somebody": hour_ago_ms})

    # When another worker's minute is over, expect nothing to be taken from it
    broker._recovery.maintain(["jobs"])
    assert broker.client.smembers(keys.acks("somebody")) == {b"held"}
    assert broker.client.llen(keys.queue) == 0


def test_a_worker_that_died_before_the_clock_was_set_back_is_missed(broker: RedisBroker) -> None:
    store, heartbeats = broker.store, broker.store.keys("jobs").heartbeats
    now_ms = store.now_ms("jobs")
    broker.client.zadd(heartbeats, {"dead": now_ms + HOUR_MS, "living": now_ms})

    silent = store.heartbeat(
        store.connections_to("jobs"), "living", {"jobs": True}, suspicious_ms=1000
    )

    assert silent["jobs"][0] == b"dead"
    assert len(silent["jobs"]) == 2


def test_a_rate_starts_anew_when_the_clock_is_set_back(broker: RedisBroker) -> None:
    # Given a rate that was used up before the clock was set back by an hour
    store, keys = broker.store, broker.store.keys("jobs")
    room = Room("machine", at_once=0, rate=1, rate_ms=1000)
    broker.client.zadd(f"{keys.starts}:machine", {"before": store.now_ms("jobs") + HOUR_MS})
    broker.client.sadd(keys.acks("me"), "held")
    broker.client.hset(keys.messages, "held", "{}")

    # When a message wants to start, expect it to
    assert store.worker_calls("jobs", "me").admit("held", room)
