"""``status``, ``health`` and ``dead`` of ``python -m barback``, with real workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback import RedisBroker
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = pytest.mark.slow

BARBACK = ["python", "-m", "barback"]


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


def dead_letters(start: ProcessStarter) -> list[dict[str, Any]]:
    return list(json.loads(start.run([*BARBACK, "dead", "list", "--json"]).stdout))


def test_status_shows_queues_and_workers(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a worker of beer, and orders of both drinks
    start_worker("beer")
    start.run(["python", "producer.py", "--coffees", "3"])

    def is_known() -> bool:
        return "beer" in start.run([*BARBACK, "status"]).stdout

    eventually(is_known)

    # Expect people and programs to be told the same
    shown = start.run([*BARBACK, "status"]).stdout
    assert "Queue" in shown
    assert "Last heartbeat" in shown
    queues = {
        q["name"]: q for q in json.loads(start.run([*BARBACK, "status", "--json"]).stdout)["queues"]
    }
    assert (queues["coffee"]["ready"], queues["coffee"]["workers"]) == (3, 0)
    assert (queues["beer"]["ready"], queues["beer"]["workers"]) == (0, 1)


def test_health_needs_a_worker_of_that_queue(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    worker = start_worker("beer")

    # Expect 0 for the queue that it serves, 1 for the other, and 1 when it is gone
    eventually(lambda: start.run([*BARBACK, "health", "--queue", "beer"]).exit_code == 0)
    other = start.run([*BARBACK, "health", "--queue", "coffee"])
    assert (other.exit_code, other.stdout) == (1, "coffee: no worker on this machine serves it.\n")
    worker.stop()
    assert start.run([*BARBACK, "health", "--queue", "beer"]).exit_code == 1


def test_health_without_a_broker_is_its_own_exit_code(start: ProcessStarter) -> None:
    run = start.run([*BARBACK, "health", "--queue", "beer"], REDIS_URL="redis://127.0.0.1:1")

    assert run.exit_code == 3
    assert "Traceback" not in run.output


def test_dead_letters_can_be_listed_shown_requeued_and_deleted(
    broker: RedisBroker, start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given two messages that no worker understands
    start_worker("beer")
    for name in ("sing", "dance"):
        message: dramatiq.Message[None] = dramatiq.Message("beer", name, (), {}, {})
        broker.enqueue(message)
    eventually(lambda: len(dead_letters(start)) == 2)

    # Expect each command to do what it says
    ids = {letter["fields"]["actor_name"]: letter["id"] for letter in dead_letters(start)}
    shown = start.run([*BARBACK, "dead", "show", ids["sing"]]).stdout
    assert "unknown actor" in shown
    assert "ActorNotFound: sing" in shown
    assert "start the worker anew" in start.run([*BARBACK, "dead", "list"]).stdout
    assert start.run([*BARBACK, "dead", "requeue", "--actor", "sing"]).stdout == "1 requeued.\n"
    assert start.run([*BARBACK, "dead", "delete", ids["dance"]]).stdout == "1 deleted.\n"
    eventually(lambda: [d["id"] for d in dead_letters(start)] == [ids["sing"]])
    assert start.run([*BARBACK, "dead", "delete", "--all"]).stdout == "1 deleted.\n"
    assert start.run([*BARBACK, "dead", "list"]).stdout == "There are no dead letters.\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["dead", "delete"], 2, "Say which dead letters"),
        (["dead", "show", "nonsense"], 1, "There is no dead letter 'nonsense'"),
        (["health"], 2, "Missing option '--queue'"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], exit_code: int, message: str, start: ProcessStarter
) -> None:
    run = start.run([*BARBACK, *arguments])

    assert run.exit_code == exit_code
    assert message in run.stderr
