from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.results import ResultTimeout
from dramatiq.results.backends import RedisBackend

from barback import results
from barback.connection.url import client_for
from barback.results import await_results

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.everywhere


@pytest.fixture
def backend(redis_url: str) -> Iterator[RedisBackend]:
    with contextlib.closing(client_for(redis_url, {})) as client:
        yield RedisBackend(client=client)


def messages(count: int, queue_name: str = "beer") -> list[dramatiq.Message[object]]:
    return [
        dramatiq.Message(queue_name=queue_name, actor_name="serve", args=(), kwargs={}, options={})
        for _ in range(count)
    ]


def test_each_message_has_one_outcome(backend: RedisBackend) -> None:
    # Given more results than one round trip asks for, and a failure
    sent = messages(results.BATCH_SIZE * 2 + 1)
    for number, message in enumerate(sent):
        backend.store_result(message, number, 60_000)
    backend.store_exception(sent[7], ValueError("keg empty"), 60_000)

    # When they are waited for
    outcomes = [o for batch in await_results(backend, sent, timeout_seconds=30) for o in batch]

    # Expect all of them, in order, and the reason of the failure
    assert [o.message for o in outcomes] == sent
    assert [o.result for o in outcomes[:7]] == list(range(7))
    assert "keg empty" in str(outcomes[7].error)


def test_a_queue_that_stands_still_does_not_hide_the_other(backend: RedisBackend) -> None:
    # Given a long queue without results, and one message of another queue with one
    coffee = messages(1, "coffee")
    backend.store_result(coffee[0], "served", 60_000)
    sent = [*messages(results.BATCH_SIZE * 2), *coffee]

    # Expect the one to be found at once
    assert [o.message for o in next(await_results(backend, sent))] == coffee


def test_the_wait_ends_when_the_time_is_up(backend: RedisBackend) -> None:
    batches = list(await_results(backend, messages(1), timeout_seconds=0.05))

    assert [outcome for batch in batches for outcome in batch] == []


def test_no_time_at_all_is_one_look(backend: RedisBackend) -> None:
    # Given one result that is there and one that is not
    there, missing = messages(2)
    backend.store_result(there, "served", 60_000)

    # Expect what is there, at once
    (outcomes,) = await_results(backend, [there, missing], timeout_seconds=0)
    assert [outcome.message for outcome in outcomes] == [there]


def test_no_messages_need_no_waiting(backend: RedisBackend) -> None:
    assert list(await_results(backend, [])) == []


def test_a_result_is_waited_for_longer_than_a_silent_server(redis_url: str) -> None:
    # Given a client that takes a server for gone after 0.2 s, and no result yet
    (message,) = messages(1)
    with contextlib.closing(client_for(redis_url, {"socket_timeout": 0.2})) as client:
        backend = RedisBackend(client=client)

        # When a result is waited for, expect that it is missing, and no outage
        with pytest.raises(ResultTimeout):
            backend.get_result(message, block=True, timeout=1_000)

        # When it comes late, expect it
        later = threading.Timer(0.5, backend.store_result, [message, "a beer", 60_000])
        later.start()
        assert backend.get_result(message, block=True, timeout=30_000) == "a beer"
        later.join()
