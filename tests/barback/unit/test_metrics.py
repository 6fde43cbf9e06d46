"""Counting in memory, and reading quantiles out of buckets."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from barback.messages.delivery import Delivery
from barback.metrics.buckets import BUCKET_COUNT, bucket_of, quantile
from barback.metrics.counts import FIELDS, ROW_LENGTH, WAIT_US, Counts, Series, row_of
from barback.metrics.recorder import UNKNOWN_ACTOR, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _message(actor_name: str = "pour", **options: Any) -> Delivery:
    message: dramatiq.Message[Any] = dramatiq.Message("beer", actor_name, (), {}, options)
    delivery = Delivery(message.asdict(), "id")
    delivery.started_at = time.monotonic()
    return delivery


def _recorder(actors: Iterable[str] = ("pour",)) -> Recorder:
    recorder = Recorder()
    recorder.begin(set(actors))
    return recorder


def _run(recorder: Recorder, message: Delivery, *, has_failed: bool = False) -> None:
    error = RuntimeError() if has_failed else None
    recorder.after_process_message(StubBroker(), message, exception=error)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_quantile_is_wrong_by_23_percent_at_the_most(share: float) -> None:
    randomness = random.Random(1)
    times = sorted(randomness.lognormvariate(0, 1) for _ in range(10_000))
    counts = [0] * BUCKET_COUNT
    for seconds in times:
        counts[bucket_of(seconds)] += 1

    read = quantile(counts, share)

    assert read == pytest.approx(times[int(share * len(times))], rel=0.23)


def test_no_counts_have_no_quantile() -> None:
    assert quantile([0] * BUCKET_COUNT, 0.5) is None


def test_times_beyond_all_bounds_are_counted_in_the_last_bucket() -> None:
    assert bucket_of(1e9) == BUCKET_COUNT - 1
    assert bucket_of(-1.0) == 0


def test_every_outcome_is_counted_once() -> None:
    recorder = _recorder()

    for _ in range(3):
        _run(recorder, _message())
    _run(recorder, _message(), has_failed=True)
    _run(recorder, _message(retries=1), has_failed=True)
    recorder.after_nack(StubBroker(), _message())
    recorder.after_skip_message(StubBroker(), _message())

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert (counts.done, counts.failed, counts.retried, counts.dead, counts.skipped) == (
        *(3, 2, 1, 1, 1),
    )
    assert sum(counts.run_buckets) == 5


def test_run_and_wait_times_are_what_they_were() -> None:
    recorder = _recorder()
    message = _message()
    message.started_at -= 2.0
    message.message_timestamp -= 60_000

    _run(recorder, message)

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert counts.run_seconds(0.5) == pytest.approx(2, rel=0.3)
    assert counts.wait_seconds(0.5) == pytest.approx(58, rel=0.3)
    assert counts.row[WAIT_US] == pytest.approx(58e6, rel=0.05)


@pytest.mark.parametrize("timestamp", [10**400, -(10**400), 10**13 * 5])
def test_times_that_cannot_be_do_not_fail_the_message_that_has_them(timestamp: int) -> None:
    recorder = _recorder()
    message = _message()
    message.message_timestamp = timestamp

    _run(recorder, message)

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert (counts.done, counts.retried) == (1, 0)
    assert counts.row[WAIT_US] >= 0


def test_the_wait_of_a_retry_is_not_counted_because_most_of_it_is_backoff() -> None:
    recorder = _recorder()

    _run(recorder, _message(retries=1))

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert sum(counts.wait_buckets) == 0
    assert sum(counts.run_buckets) == 1


def test_nobody_can_fill_redis_with_the_names_of_actors_that_do_not_exist() -> None:
    recorder = _recorder()

    for number in range(10):
        _run(recorder, _message(f"made-up-{number}"), has_failed=True)

    assert set(recorder.rows()) == {Series("beer", UNKNOWN_ACTOR)}


@pytest.mark.slow
def test_threads_that_count_at_the_same_time_lose_nothing() -> None:
    recorder = _recorder()

    def count() -> None:
        for _ in range(2_000):
            _run(recorder, _message())

    threads = [threading.Thread(target=count) for _ in range(4)]
    _join_all(threads, recorder.rows)

    assert Counts(recorder.rows()[Series("beer", "pour")]).done == 8_000


def test_nothing_is_noted_before_there_is_somebody_to_count_it() -> None:
    recorder = Recorder()

    _run(recorder, _message())

    assert recorder.rows() == {}


def test_what_somebody_else_wrote_among_the_counts_is_left_out() -> None:
    row = row_of({b"d": b"7", b"nonsense": b"1", b"f": b"many", b"r200": b"3"})

    assert (Counts(row).done, Counts(row).failed) == (7, 0)
    assert len(row) == ROW_LENGTH == len(FIELDS)


def _join_all(threads: list[threading.Thread], meanwhile: Callable[[], object]) -> None:
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
    for thread in threads:
        thread.join(timeout=10)
