"""What workers count is written to Redis, and read from there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis

from barback.metrics import History, Metrics
from barback.metrics.prometheus import exposition
from barback.metrics.recorder import new_recorder
from barback.metrics.writer import HistoryWriter
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker


def test_what_a_worker_counted_is_in_the_history_when_it_has_stopped(
    broker: RedisBroker,
) -> None:
    # Given a worker that counts
    broker.add_middleware(Metrics())
    broker.emit_after("process_boot")

    @dramatiq.actor(broker=broker, queue_name="beer", max_retries=1, min_backoff=1)
    def pour(*, is_empty: bool) -> None:
        if is_empty:
            raise RuntimeError("keg is empty")

    # When it does three messages and gives up one after a retry
    for _ in range(3):
        pour.send(is_empty=False)
    pour.send(is_empty=True)
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    eventually(lambda: broker.client.zcard(broker.store.keys("beer").dead) == 1)
    broker.join("beer", timeout=10_000)
    worker.stop()

    # Expect all of that in each span
    for span in ("hour", "day", "week"):
        timeline = History(broker).timeline(span)
        counts = timeline.total(timeline.chosen("beer", "pour"))
        outcomes = (counts.done, counts.failed, counts.retried, counts.dead)
        assert outcomes == (3, 2, 1, 1), span
        run_seconds = counts.run_seconds(0.99)
        assert run_seconds is not None
        assert timeline.rate(timeline.chosen()) > 0


def test_a_second_worker_of_the_process_counts_nothing_twice(broker: RedisBroker) -> None:
    broker.add_middleware(Metrics())
    broker.emit_after("process_boot")

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None: ...

    for _ in range(2):
        pour.send()
        worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
        worker.start()
        broker.join("beer", timeout=10_000)
        worker.stop()

    (counts,) = History(broker).totals().values()
    assert counts.done == 2


def test_a_long_run_is_shown_while_it_lasts(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barback.metrics.writer.SHOWN_AFTER_SECONDS", 0.0)
    monkeypatch.setattr("barback.metrics.writer.LOOK_SECONDS", 0.05)
    broker.add_middleware(Metrics())
    is_over = threading.Event()

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None:
        is_over.wait(30)

    message = pour.send()
    run_worker()
    history = History(broker)
    (shown,) = eventually(lambda: history.running([broker.broker_id])[broker.broker_id])
    assert shown["actor"] == "pour"
    assert shown["id"] == message.options["redis_message_id"]

    is_over.set()
    eventually(lambda: not history.running([broker.broker_id])[broker.broker_id])


def test_a_worker_that_counts_nothing_writes_nothing(broker: RedisBroker) -> None:
    recorder = new_recorder(lambda _: True)
    writer = HistoryWriter(broker.store, "w1", recorder)

    writer.write()
    writer.show_running()

    assert broker.client.keys("*metrics*") == []


def test_counts_survive_an_outage(broker: RedisBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given something counted, and a server that does not answer
    recorder = new_recorder(lambda _: True)
    message: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    recorder.start(dramatiq.MessageProxy(message))
    recorder.finish(dramatiq.MessageProxy(message), has_failed=False)
    writer = HistoryWriter(broker.store, "w1", recorder)
    with monkeypatch.context() as patch:
        patch.setattr(broker.store, "now_ms", _fail)
        with pytest.raises(redis.ConnectionError):
            writer.write()

    # When it answers again
    writer.write()
    writer.write()

    # Expect the message to be counted once
    (counts,) = History(broker).totals().values()
    assert counts.done == 1


def test_every_period_expires_and_is_small(broker: RedisBroker) -> None:
    # Given an actor whose times fall into every bucket
    recorder = new_recorder(lambda _: True)
    message = dramatiq.MessageProxy(dramatiq.Message("beer", "pour", (), {}, {}))
    recorder.start(message)
    recorder.finish(message, has_failed=False)
    (row,) = recorder._thread.rows.values()
    row[:] = [1_000_000] * len(row)

    HistoryWriter(broker.store, "w1", recorder).write()

    for key in broker.client.keys("*metrics:1*"):
        assert broker.client.ttl(key) > 0
        assert (broker.client.memory_usage(key) or 0) < 2_000


def test_prometheus_is_told_of_queues_and_of_what_all_workers_counted(broker: RedisBroker) -> None:
    broker.declare_queue("beer")
    pour: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(pour)
    for worker_id in ("w1", "w2"):
        recorder = new_recorder(lambda _: True)
        recorder.start(dramatiq.MessageProxy(pour))
        recorder.finish(dramatiq.MessageProxy(pour), has_failed=worker_id == "w2")
        HistoryWriter(broker.store, worker_id, recorder).write()

    text = exposition(broker).decode()

    assert 'barback_queue_waiting{queue="beer"} 1.0' in text
    assert 'barback_messages_total{actor="pour",outcome="done",queue="beer"} 1.0' in text
    assert 'barback_messages_total{actor="pour",outcome="failed",queue="beer"} 1.0' in text
    assert 'barback_run_seconds_count{actor="pour",queue="beer"} 2.0' in text


def _fail() -> None:
    raise redis.ConnectionError("gone")


def test_a_message_that_says_to_be_from_the_stone_age_stops_no_count(broker: RedisBroker) -> None:
    # Given counts of messages that have waited for longer than Redis can add up
    recorder = new_recorder(lambda _: True)
    writer = HistoryWriter(broker.store, "w1", recorder)
    for _ in range(3):
        message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (), {}, {})
        ancient = dramatiq.MessageProxy(message.copy(message_timestamp=-(2**52)))
        recorder.start(ancient)
        recorder.finish(ancient, has_failed=False)

    # Expect them to be written, once
    writer.write()
    writer.write()
    timeline = History(broker).timeline("hour")
    assert timeline.total(timeline.chosen("beer", "pour")).done == 3
