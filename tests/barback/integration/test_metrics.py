"""What workers count is written to Redis, and read from there."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.stub import StubBroker

from barback.connection.incidents import incidents
from barback.control import Cancelled, Control, cancel, cancelled
from barback.messages.delivery import Delivery
from barback.metrics import History, Metrics
from barback.metrics.prometheus import exposition
from barback.metrics.recorder import Recorder
from barback.metrics.writer import HistoryWriter
from tests.support.polling import eventually

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


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
    broker.join("beer", timeout=30_000)
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


def test_a_message_that_is_cancelled_while_it_runs_counts_as_no_failure(
    broker: RedisBroker,
) -> None:
    # Given a message that runs
    broker.add_middleware(Control())
    broker.add_middleware(Metrics())
    is_running = threading.Event()

    @dramatiq.actor(broker=broker)
    def work() -> None:
        is_running.set()
        eventually(cancelled)
        raise Cancelled

    message = work.send()
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    assert is_running.wait(30)

    # When it is cancelled
    assert cancel(broker, message.message_id) == "asked"
    broker.join("default", timeout=30_000)
    worker.stop()

    # Expect nothing to have failed or died
    (counts,) = History(broker).totals().values()
    assert (counts.done, counts.failed, counts.dead, counts.skipped) == (0, 0, 0, 1)


def test_a_second_worker_of_the_process_counts_nothing_twice(broker: RedisBroker) -> None:
    broker.add_middleware(Metrics())
    broker.emit_after("process_boot")

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None: ...

    for _ in range(2):
        pour.send()
        worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
        worker.start()
        broker.join("beer", timeout=30_000)
        worker.stop()

    (counts,) = History(broker).totals().values()
    assert counts.done == 2


def test_a_worker_that_counts_nothing_writes_nothing(broker: RedisBroker) -> None:
    writer = HistoryWriter(broker.store, Recorder())

    writer.write()
    writer.note_version()

    assert broker.client.keys("*metrics*") == []


def test_counts_survive_an_outage(broker: RedisBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given something counted, and a server that does not answer
    writer = HistoryWriter(broker.store, _recorder_of_one())
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


def test_a_history_may_be_read_by_several_threads(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a history that has been read
    recorder = _recorder_of_one()
    HistoryWriter(broker.store, recorder).write()
    history = History(broker)
    first = history.timeline("hour")
    read = history._read

    def read_while_another_thread_forgets(keys: Any) -> Any:
        history._remembered.clear()
        return read(keys)

    # When it is read once more, while another thread forgets what is older
    monkeypatch.setattr(history, "_read", read_while_another_thread_forgets)
    second = history.timeline("hour")

    # Expect the same
    assert second.total(second.chosen()) == first.total(first.chosen())


def test_every_period_expires_and_is_small(broker: RedisBroker) -> None:
    # Given an actor whose times fall into every bucket
    recorder = _recorder_of_one()
    recorder.rows()
    (row,) = recorder._rows.values()
    row[:] = [1_000_000] * len(row)

    HistoryWriter(broker.store, recorder).write()

    for key in broker.client.keys("*metrics:1*"):
        assert broker.client.ttl(key) > 0
        assert (broker.client.memory_usage(key) or 0) < 2_000


def test_prometheus_is_told_of_queues_and_of_what_all_workers_counted(broker: RedisBroker) -> None:
    broker.declare_queue("beer")
    pour: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(pour)
    for has_failed in (False, True):
        HistoryWriter(broker.store, _recorder_of_one(has_failed=has_failed)).write()

    text = exposition(broker).decode()

    assert 'barback_queue_waiting{queue="beer"} 1.0' in text
    assert 'barback_messages_total{actor="pour",outcome="done",queue="beer"} 1.0' in text
    assert 'barback_messages_total{actor="pour",outcome="failed",queue="beer"} 1.0' in text
    assert 'barback_run_seconds_count{actor="pour",queue="beer"} 2.0' in text
    assert 'barback_retries_total{actor="pour",queue="beer"} 0.0' in text
    assert "barback_worker_threads_busy 0.0" in text


def test_prometheus_is_told_of_dead_workers_and_of_lost_connections(broker: RedisBroker) -> None:
    # Given a queue, of which Prometheus has to know before its first worker dies
    broker.declare_queue("beer")
    broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    assert 'barback_worker_crashes_total{queue="beer"} 0.0' in exposition(broker).decode()
    writer = HistoryWriter(broker.store, Recorder())
    incidents.note("crash", "beer")
    incidents.note("recovery", "beer", 4)
    incidents.note("interruption")

    writer.write()
    writer.write()

    text = exposition(broker).decode()
    assert 'barback_worker_crashes_total{queue="beer"} 1.0' in text
    assert 'barback_recovered_messages_total{queue="beer"} 4.0' in text
    assert "barback_interruptions_total 1.0" in text


def test_a_worker_of_a_new_version_leaves_a_mark(broker: RedisBroker) -> None:
    # Given an old fleet, a new one, and the old one again after trouble
    for version in ("v1", "v1", "v2", "v2", "v1"):
        HistoryWriter(broker.store, Recorder(), version=version).note_version()

    deployments = History(broker).deployments(since=0)

    assert [each.version for each in deployments] == ["v1", "v2", "v1"]
    assert deployments[0].at == pytest.approx(time.time(), abs=60)


def _recorder_of_one(*, has_failed: bool = False) -> Recorder:
    """A recorder that has counted one message."""
    recorder = Recorder()
    recorder.begin({"pour"})
    message: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    delivery = Delivery(message.asdict(), "id")
    error = RuntimeError() if has_failed else None
    recorder.after_process_message(StubBroker(), delivery, exception=error)
    return recorder


def _fail() -> None:
    raise redis.ConnectionError("gone")


def test_a_message_that_says_to_be_from_the_stone_age_stops_no_count(broker: RedisBroker) -> None:
    # Given counts of messages that have waited for longer than Redis can add up
    recorder = Recorder()
    recorder.begin({"pour"})
    writer = HistoryWriter(broker.store, recorder)
    for _ in range(3):
        message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (), {}, {})
        ancient = Delivery(message.copy(message_timestamp=-(2**52)).asdict(), "id")
        recorder.after_process_message(broker, ancient)

    # Expect them to be written, once
    writer.write()
    writer.write()
    timeline = History(broker).timeline("hour")
    assert timeline.total(timeline.chosen("beer", "pour")).done == 3


def test_an_error_that_nobody_foresaw_does_not_end_what_writes_the_counts(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a version that cannot be written, for what was no UTF-8 in the environment
    writer = HistoryWriter(broker.store, Recorder(), version="caf\udce9")
    writer.start()
    eventually(lambda: "Interrupted: metrics" in caplog.text)
    # Expect it to try again, and to be told of it once
    threads = [thread.name for thread in threading.enumerate()]
    writer.stop()
    assert "barback-metrics" in threads
    assert caplog.text.count("Interrupted: metrics") == 1
