"""``python -m barback show`` and ``cancel``."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from click.testing import CliRunner
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from barback.cli import main
from barback.control import Control, Limit, progress
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

#: Clears the screen, and begins a new line.
EVIL = "\x1b[2J\nERROR forged"
EVIL_SHOWN = r"\x1b[2J\nERROR forged"


@pytest.fixture
def run(redis_url: str) -> Callable[..., Result]:
    def run(*arguments: str, **kwargs: Any) -> Result:
        return CliRunner().invoke(main, ["--redis-url", redis_url, *arguments], **kwargs)

    return run


def test_show_tells_where_a_message_waits(broker: RedisBroker, run: Callable[..., Result]) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    note.send()
    message = note.send()

    by_redis_id = run("show", message.options["redis_message_id"])
    by_message_id = run("show", message.message_id)

    assert by_redis_id.exit_code == by_message_id.exit_code == 0
    assert "State:      waiting, 1 before it, sent " in by_redis_id.output
    assert f"Message id: {message.message_id}\n" in by_redis_id.output
    assert "Attempt:    1\n" in by_message_id.output


def test_show_tells_how_far_a_message_is(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], run: Callable[..., Result]
) -> None:
    go_on = threading.Event()

    @dramatiq.actor(broker=broker)
    def work() -> None:
        progress(1_234_567, 2_000_000, EVIL)
        go_on.wait(60)

    message = work.send()
    run_worker()

    output = eventually(
        lambda: next(
            (out for out in [run("show", message.message_id).output] if "Progress:" in out), ""
        )
    )
    go_on.set()

    assert f"Progress:   1,234,567 of 2,000,000: {EVIL_SHOWN}\n" in output
    assert "State:      running, since " in output
    assert "Thread:" in output


def test_show_tells_the_result_of_what_is_remembered(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], run: Callable[..., Result]
) -> None:
    broker.add_middleware(Control(remember_seconds=60))
    broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))
    dramatiq.actor(broker=broker, actor_name="add", store_results=True)(lambda a, b: a + b)
    message = broker.get_actor("add").send(20, 22)
    run_worker()

    shown: dict[str, Any] = eventually(
        lambda: next(
            (
                found
                for found in [json.loads(run("show", message.message_id, "--json").stdout)]
                if found["state"] == "done"
            ),
            {},
        )
    )

    assert shown["result"] == 42
    assert "Result:     42\n" in run("show", message.message_id).output


def test_show_tells_why_a_message_is_dead(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], run: Callable[..., Result]
) -> None:
    @dramatiq.actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise RuntimeError(EVIL)

    message = fail.send()
    run_worker()

    output = eventually(
        lambda: next(
            (out for out in [run("show", message.message_id).output] if "Reason:" in out), ""
        )
    )

    assert "Reason:     failed\n" in output
    assert "Traceback (most recent call last)" in output
    assert "\x1b" not in output


def test_show_tells_how_much_it_looked_through(
    broker: RedisBroker, run: Callable[..., Result]
) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    for _ in range(3):
        note.send()

    whole = run("show", "6a3bd1ac-0000-0000-0000-000000000000")
    partial = run("show", "6a3bd1ac-0000-0000-0000-000000000000", "--search", "2")

    assert whole.exit_code == partial.exit_code == 1
    assert "3 messages were looked through\n" in whole.output
    assert "2 messages were looked through, not all: see --search\n" in partial.output


def test_cancel_takes_a_message_away(broker: RedisBroker, run: Callable[..., Result]) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    message = note.send()
    redis_id = message.options["redis_message_id"]

    done = run("cancel", redis_id, "--reason", "spilt")
    again = run("cancel", redis_id)

    assert (done.exit_code, done.output) == (0, "Cancelled.\n")
    assert (again.exit_code, again.stderr) == (1, f"No message {redis_id} is left to cancel.\n")
    assert "Reason:     spilt\n" in run("show", redis_id).output


def test_cancel_takes_several_messages_away(
    broker: RedisBroker, run: Callable[..., Result]
) -> None:
    # Given three messages
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    first, second, third = (note.send().options["redis_message_id"] for _ in range(3))

    # When two are cancelled, then one of them again beside the last
    both = run("cancel", first, second, first, "--json")
    again = run("cancel", second, third)

    # Expect an answer for each, and none to be left
    assert (both.exit_code, again.exit_code) == (0, 1)
    assert json.loads(both.stdout) == [{"cancelled": True, "asked": False}] * 2
    assert again.stdout == f"{third}: Cancelled.\n"
    assert again.stderr == f"No message {second} is left to cancel.\n"
    assert broker.queue_length("default") == 0


def test_cancel_asks_before_it_cancels_many(
    broker: RedisBroker, run: Callable[..., Result]
) -> None:
    # Given messages of two actors
    broker.add_middleware(Control())
    note = dramatiq.actor(broker=broker, actor_name="note", limit=Limit("pen", at_once=1))(
        lambda: None
    )
    other = dramatiq.actor(broker=broker, actor_name="other")(lambda: None)
    for actor in (note, note, other):
        actor.send()

    # When one says no, and then yes
    refused = run("cancel", "--queue", "default", "--actor", "note", input="n\n")
    done = run("cancel", "--queue", "default", "--actor", "note", input="y\n")
    rest = run("cancel", "--queue", "default", "--yes", "--json")

    # Expect nothing, and then those to be gone
    assert refused.exit_code == 1
    assert "Cancel all messages of actor note on queue default? [y/N]" in refused.stderr
    assert done.stdout == "2 cancelled.\n"
    assert json.loads(rest.stdout) == {"cancelled": 1, "asked": 0}
    assert broker.queue_length("default") == 0


@pytest.mark.parametrize("arguments", [(), ("an-id", "--queue", "beer"), ("a", "--actor", "note")])
def test_cancel_wants_to_know_which(arguments: tuple[str, ...], run: Callable[..., Result]) -> None:
    result = run("cancel", *arguments)

    assert result.exit_code == 2
    assert "IDs, or --queue NAME, --actor NAME, or both" in result.stderr


def test_an_actor_s_messages_are_cancelled_on_all_queues(
    broker: RedisBroker, run: Callable[..., Result]
) -> None:
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    other = dramatiq.actor(broker=broker, actor_name="other")(lambda: None)
    note.send()
    note.send_with_options(delay=60_000)
    broker.enqueue(note.message().copy(queue_name="elsewhere"))
    other.send()

    refused = run("cancel", "--actor", "note", input="n\n")
    done = run("cancel", "--actor", "note", "--yes")

    assert "Cancel all messages of actor note? [y/N]" in refused.stderr
    assert done.stdout == "3 cancelled.\n"
    assert broker.queue_length("default") == 1


def test_an_id_may_be_shortened(broker: RedisBroker, run: Callable[..., Result]) -> None:
    # Given two messages
    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    message = broker.enqueue(note.message().copy(message_id="77777777-aaaa"))
    other = broker.enqueue(note.message().copy(message_id="77777777-bbbb"))
    redis_id = message.options["redis_message_id"]

    # When one is named by the beginnings of its ids, also as people copy it
    shown = [run("show", text).output for text in (redis_id[:8], f"{redis_id[:8]}…", "77777777-a")]
    # … or by a beginning that two have
    several = run("cancel", "7777")

    # Expect that one to be shown, and neither to be cancelled
    assert [out.splitlines()[0] for out in shown] == [f"Id:         {redis_id}"] * 3
    assert several.exit_code == 2
    assert "Several messages begin with '7777'" in several.stderr
    assert run("show", "nothing…").exit_code == 1
    assert run("cancel", other.options["redis_message_id"][:7]).stdout == "Cancelled.\n"
    assert broker.queue_length("default") == 1


def test_show_tells_which_attempt_of_how_many_comes_when(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], run: Callable[..., Result]
) -> None:
    broker.add_middleware(Control())

    @dramatiq.actor(broker=broker, min_backoff=60_000, max_backoff=60_000, max_retries=3)
    def fail() -> None:
        raise RuntimeError("no beer today")

    message = fail.send()
    run_worker()

    output = eventually(
        lambda: next(
            (out for out in [run("show", message.message_id).output] if "retrying" in out), ""
        )
    )
    assert re.search(r"^State: +retrying, sent .* ago .*, due in \d+ (s|min)", output, re.MULTILINE)
    assert "Attempt:    2 of 4\n" in output
    assert "Last error: RuntimeError: no beer today\n" in output


def test_status_tells_what_runs_and_what_should_stop(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], run: Callable[..., Result]
) -> None:
    # Given a message that runs, and ignores that it is cancelled
    go_on = threading.Event()

    @dramatiq.actor(broker=broker)
    def work() -> None:
        progress(1, 3)
        go_on.wait(60)

    message = work.send()
    run_worker()
    eventually(lambda: "running" in run("show", message.message_id).output)
    run("cancel", message.message_id)

    # When one looks at the status
    output = eventually(
        lambda: next((out for out in [run("status").output] if "asked to stop" in out), "")
    )
    go_on.set()

    # Expect to see it
    assert message.options["redis_message_id"] in output
    assert "1 of 3" in output
