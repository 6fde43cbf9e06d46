"""Counting in memory, and reading quantiles out of buckets."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import MessageProxy

from barback.metrics.buckets import BUCKET_COUNT, bucket_of, quantile
from barback.metrics.counts import FIELDS, ROW_LENGTH, Counts, Series, row_of
from barback.metrics.recorder import UNKNOWN_ACTOR, Recorder, new_recorder

if TYPE_CHECKING:
    from collections.abc import Callable


def _message(actor_name: str = "pour", **options: Any) -> MessageProxy:
    message: dramatiq.Message[Any] = dramatiq.Message("beer", actor_name, (), {}, options)
    return MessageProxy(message)


def _run(recorder: Recorder, message: MessageProxy, *, has_failed: bool = False) -> None:
    recorder.start(message)
    recorder.finish(message, has_failed=has_failed)


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
    recorder = new_recorder(lambda _: True)

    for _ in range(3):
        _run(recorder, _message())
    for _ in range(2):
        _run(recorder, _message(), has_failed=True)
    recorder.bury(_message())
    recorder.skip(_message())

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert (counts.done, counts.failed, counts.retried, counts.dead, counts.skipped) == (
        *(3, 2, 1, 1, 1),
    )
    assert sum(counts.run_buckets) == 5


def test_the_wait_of_a_retry_is_not_counted_because_most_of_it_is_backoff() -> None:
    recorder = new_recorder(lambda _: True)

    _run(recorder, _message(retries=1))

    counts = Counts(recorder.rows()[Series("beer", "pour")])
    assert sum(counts.wait_buckets) == 0
    assert sum(counts.run_buckets) == 1


def test_nobody_can_fill_redis_with_the_names_of_actors_that_do_not_exist() -> None:
    recorder = new_recorder(lambda name: name == "pour")

    for number in range(10):
        _run(recorder, _message(f"made-up-{number}"), has_failed=True)

    assert set(recorder.rows()) == {Series("beer", UNKNOWN_ACTOR)}


def test_threads_that_count_at_the_same_time_lose_nothing() -> None:
    recorder = new_recorder(lambda _: True)

    def count() -> None:
        for _ in range(2_000):
            _run(recorder, _message())

    threads = [threading.Thread(target=count) for _ in range(4)]
    _join_all(threads, recorder.rows)

    assert Counts(recorder.rows()[Series("beer", "pour")]).done == 8_000


def test_what_runs_is_known_while_it_runs() -> None:
    recorder = new_recorder(lambda _: True)
    message = _message()

    recorder.start(message)
    assert [each.message for each in recorder.running()] == [message]
    recorder.finish(message, has_failed=False)

    assert recorder.running() == []


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
