"""``pause``, ``resume``, ``purge``, ``release`` and ``forget`` of ``python -m barback``."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback import RedisBroker
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = pytest.mark.slow

BARBACK = ["python", "-m", "barback"]


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


def send(broker: RedisBroker, count: int = 1, *, delay_ms: int | None = None) -> None:
    messages: list[dramatiq.Message[None]] = [
        dramatiq.Message("beer", "pour", (), {}, {}) for _ in range(count)
    ]
    broker.enqueue_many(messages, delay=delay_ms)


def beer(start: ProcessStarter) -> dict[str, Any]:
    """What `status` says of the queue beer."""
    shown = json.loads(start.run([*BARBACK, "status", "--json"]).stdout)
    return next(queue for queue in shown["queues"] if queue["name"] == "beer")


def test_a_paused_queue_is_served_again_when_it_is_resumed(
    start: ProcessStarter, start_worker: Callable[..., TestProcess], broker: RedisBroker
) -> None:
    # Given a paused queue with a worker
    pause = start.run([*BARBACK, "pause", "beer", "--reason", "the keg is changed"])
    assert (pause.exit_code, pause.stdout) == (0, "beer is paused until `resume`.\n")
    worker = start_worker("beer")

    # When a beer is ordered
    broker.enqueue(dramatiq.Message("beer", "serve_a_beer", ("order-1",), {}, {}))

    # Expect it to wait, and `status` to say why
    shown = start.run([*BARBACK, "status"]).stdout
    assert broker.queue_length("beer") == 1
    assert "beer has been paused for " in shown
    assert ": the keg is changed\n" in shown
    # … and its worker to be healthy
    healthy = re.compile(r"beer: healthy, last heartbeat .* ago\. It is paused\.\n")
    health = [*BARBACK, "health", "--queue", "beer"]
    eventually(lambda: healthy.fullmatch(start.run(health).stdout))
    assert start.run(health).exit_code == 0

    # And to be served when the queue is resumed
    assert start.run([*BARBACK, "resume", "beer"]).stdout == "beer is resumed.\n"
    worker.wait_for_output("Served  beer")


def test_resuming_what_is_not_paused_changes_nothing(start: ProcessStarter) -> None:
    resume = start.run([*BARBACK, "resume", "beer"])

    assert (resume.exit_code, resume.stdout) == (0, "beer was not paused.\n")


def test_a_pause_may_have_an_end(start: ProcessStarter, broker: RedisBroker) -> None:
    send(broker)

    pause = json.loads(start.run([*BARBACK, "pause", "beer", "--for", "1s", "--json"]).stdout)

    assert pause["until"] == pytest.approx(pause["since"] + 1)
    eventually(lambda: not beer(start)["is_paused"])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["pause", "bear", "--for", "1h30m"], "bear is paused for 1 h 30 min.\n"),
        (["purge", "bear", "--yes"], "0 deleted.\n"),
        (["cancel", "--queue", "bear", "--yes"], "0 cancelled.\n"),
    ],
)
def test_a_queue_that_nobody_knows_is_doubted(
    command: list[str], said: str, start: ProcessStarter
) -> None:
    done = start.run([*BARBACK, *command])

    assert (done.exit_code, done.stdout) == (0, said)
    assert "is the name right?" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["pause", ""], "expected a name, got ''"),
        (["health", "--queue", ""], "expected a name, got ''"),
        (["dead", "delete", "--queue", "beer", "--actor", ""], "expected a name, got ''"),
        (["cancel", ""], "expected a name, got ''"),
        (["--namespace", "", "status"], "expected a name, got ''"),
        (["dead", "list", "--limit", f"1{'0' * 30}"], "is not in the range"),
        (["show", "abcd", "--search", f"1{'0' * 30}"], "is not in the range"),
    ],
)
def test_a_name_that_is_empty_and_a_number_beyond_all_bounds_are_refused(
    command: list[str], said: str, start: ProcessStarter
) -> None:
    done = start.run([*BARBACK, *command])

    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_purging_and_cancelling_need_a_yes(start: ProcessStarter, broker: RedisBroker) -> None:
    # Given messages that wait, now and for later
    send(broker, 3)
    send(broker, 2, delay_ms=60_000)

    # Expect nothing to happen where nobody can be asked
    for command in (["purge", "beer"], ["cancel", "--queue", "beer"]):
        refused = start.run([*BARBACK, *command])
        assert refused.exit_code == 2
        assert "say --yes" in refused.stderr
    assert broker.queue_length("beer") == 3

    # And with a yes, those that wait to be deleted
    purge = start.run([*BARBACK, "purge", "beer", "--yes", "--json"])
    assert json.loads(purge.stdout) == {"queue_name": "beer", "purged": 3}
    assert (beer(start)["ready"], beer(start)["delayed"]) == (0, 2)


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 0)])
def test_purging_asks_at_a_terminal(
    answer: str, left: int, broker: RedisBroker, environment: dict[str, str], project_dir: Path
) -> None:
    send(broker, 3)
    keys = broker.store.keys("beer")
    redis_id: Any = broker.client.lpop(keys.queue)
    broker.client.hset(keys.parked, redis_id, "0 1 taps")  # it waits for room under a limit
    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())

    purge = subprocess.run(
        [sys.executable, "-m", "barback", "purge", "beer"],
        cwd=project_dir,
        env=environment,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    os.close(terminal)
    os.close(stdin)
    assert "Messages that wait in beer: 3. Delete them for good?" in purge.stderr
    assert broker.queue_length("beer") == left
    assert purge.returncode == (0 if left == 0 else 1)


def test_delayed_messages_can_be_given_back_to_stock_dramatiq(
    start: ProcessStarter, broker: RedisBroker
) -> None:
    send(broker, 1_200, delay_ms=600_000)

    release = start.run([*BARBACK, "release", "--queue", "beer"])

    # Expect all of them on the list that stock workers read, and a second run to change nothing
    assert release.stdout == "1,200 released.\n"
    assert broker.client.llen("dramatiq:beer.DQ") == 1_200
    again = start.run([*BARBACK, "release", "--queue", "beer", "--json"])
    assert json.loads(again.stdout) == {"queue_name": "beer", "released": 0}


def test_delayed_messages_are_not_given_back_under_the_hands_of_our_workers(
    start: ProcessStarter, broker: RedisBroker, start_worker: Callable[..., TestProcess]
) -> None:
    send(broker, 1, delay_ms=600_000)
    start_worker("beer")
    eventually(lambda: beer(start)["workers"] == 1)

    release = start.run([*BARBACK, "release", "--queue", "beer"])

    assert release.exit_code == 1
    assert "Stop them first" in release.stderr
    assert beer(start)["delayed"] == 1


def test_nothing_is_given_back_while_messages_wait_where_stock_workers_never_look(
    start: ProcessStarter, broker: RedisBroker
) -> None:
    # Given messages: one is delayed, one waits with a priority, and one for room under a limit
    send(broker, 1, delay_ms=600_000)
    send(broker)
    broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {"priority": -5}))
    keys = broker.store.keys("beer")
    broker.client.hset(keys.messages, "limited", "{}")
    broker.client.hset(keys.parked, "limited", "1 1 taps")

    release = start.run([*BARBACK, "release", "--queue", "beer"])

    assert release.exit_code == 1
    assert "with a priority, or that wait for room under a limit: 2." in release.stderr
    assert beer(start)["delayed"] == 1


def test_a_queue_is_forgotten_when_it_is_empty(start: ProcessStarter, broker: RedisBroker) -> None:
    # Given a queue that holds a message
    send(broker)
    refused = start.run([*BARBACK, "forget", "beer"])
    assert refused.exit_code == 1
    assert "Queue 'beer' is in use" in refused.stderr

    # When it is empty
    start.run([*BARBACK, "purge", "beer", "--yes"])

    # Expect it to be forgotten
    assert start.run([*BARBACK, "forget", "beer"]).stdout == "beer is forgotten.\n"
    assert json.loads(start.run([*BARBACK, "status", "--json"]).stdout)["queues"] == []
    again = start.run([*BARBACK, "forget", "beer", "--json"])
    assert json.loads(again.stdout) == {"queue_name": "beer", "was_known": False}


@pytest.mark.parametrize(
    "command", [["pause", "beer"], ["purge", "beer", "--yes"], ["release", "--queue", "beer"]]
)
def test_without_a_broker_each_says_so(command: list[str], start: ProcessStarter) -> None:
    run = start.run([*BARBACK, *command], REDIS_URL="redis://127.0.0.1:1")

    assert run.exit_code == 3
    assert "Traceback" not in run.output
