"""``python -m barback dead`` on letters of every kind, good and evil."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from click.testing import CliRunner

from barback.cli import main
from barback.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

#: Clears the screen, rings, and begins a new line that looks like one of a log.
EVIL = "\x1b[2J\x07\nERROR forged"
EVIL_SHOWN = r"\x1b[2J\x07\nERROR forged"


@pytest.fixture
def dead(redis_url: str) -> Callable[..., Result]:
    """Run the command on a terminal of 80 columns, or of others."""

    def dead(*arguments: str, columns: int = 80) -> Result:
        command = ["--redis-url", redis_url, "dead", *arguments]
        return CliRunner().invoke(main, command, env={"COLUMNS": str(columns)})

    return dead


def bury(
    broker: RedisBroker,
    name: str | bytes = "a-letter",
    *,
    queue: str = "beer",
    actor: str = "pour",
    **details: Any,
) -> None:
    """Store a dead letter as a worker would, or as an attacker might."""
    letter_id = name if isinstance(name, bytes) else name.encode()
    message: dramatiq.Message[Any] = dramatiq.Message(queue, actor, (), {}, {})
    keys = broker.store.keys(queue)
    raw_details = json.dumps({"reason": "failed", "deliveries": 1, **details})
    broker.store.register([queue])
    broker.client.zadd(keys.dead, {letter_id: time.time() * 1000})
    broker.client.hset(keys.dead_messages, letter_id, message.encode())
    broker.client.hset(keys.dead_details, letter_id, raw_details)


def left(broker: RedisBroker) -> set[str]:
    return {letter.id for letter in DeadLetters(broker, "beer")}


def test_square_brackets_are_text(broker: RedisBroker, dead: Callable[..., Result]) -> None:
    # Given an error that is no markup, though it looks like it
    bury(broker, error="FileNotFoundError: no such path [/etc/x], [bold]look[/bold] :beer:")

    result = dead("list")

    assert result.exit_code == 0, result.output
    assert "[/etc/x], [bold]look[/bold] :beer:" in " ".join(result.output.split())


def test_what_would_steer_a_terminal_is_shown_instead(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given a letter whose every text comes from an attacker
    bury(broker, EVIL, actor=EVIL, error=EVIL, reason=EVIL, traceback="Traceback:\n\x1b[2J")

    outputs = [dead("list").output, dead("show", EVIL[:3]).output]

    for output in outputs:
        assert not {"\x1b", "\x07"} & set(output)
        assert "\nERROR" not in output
    assert EVIL_SHOWN in outputs[1]


def test_a_long_reason_is_whole_at_80_columns(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given a reason longer than a line, with a word that is longer, too
    words = ["ConnectionError:", "x" * 90, *(f"word{number}" for number in range(30)), "end"]
    bury(broker, "0123456789abcdef" * 2, actor="serve_a_beer", error=" ".join(words))

    output = dead("list").output

    assert max(len(line) for line in output.splitlines()) <= 80
    assert output.count("x") == 90
    assert all(word in output for word in words[2:])


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_long_names_and_narrow_terminals_leave_the_reason_whole(
    broker: RedisBroker, dead: Callable[..., Result], columns: int
) -> None:
    # Given names as projects have them, and ids of which somebody has made two long ones alike
    queue, actor = "notifications_high_priority", "send_password_reset_email"
    bury(broker, queue=queue, actor=actor, error="ConnectionRefusedError: [Errno 111] at the end")
    died = {"a-letter": (time.time() - 3_599) * 1000}
    broker.client.zadd(broker.store.keys(queue).dead, died)
    for last in "12":
        bury(broker, "i" * 500 + last, error="0123456789")

    # Expect each to be there to its end, if on several lines
    output = dead("list", columns=columns).output
    words = output.split()
    assert output.count("i") >= 2 * 500
    assert {"failed:", "[Errno", "111]", "end", "0123456789"} <= set(words)
    assert output.count("ago") == 3


def test_a_list_that_is_cut_says_so(broker: RedisBroker, dead: Callable[..., Result]) -> None:
    # Given three letters of one actor and one of another
    for number in range(3):
        bury(broker, f"of-pour-{number}")
    bury(broker, "of-brew", actor="brew")

    # Expect to hear of what is left out, and how much where that is known
    assert "3 more; --limit shows them." in dead("list", "--limit", "1").output
    cut = dead("list", "--actor", "pour", "--limit", "2").output
    assert cut.count("of-pour-") == 2
    assert "There are more; --limit shows them." in cut
    assert "more" not in dead("list", "--actor", "pour", "--limit", "3").output
    of_one = json.loads(dead("list", "--actor", "pour", "--limit", "2", "--json").output)
    assert len(of_one) == 2


def test_ids_may_be_shortened_and_several_be_given(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given letters of which two begin alike
    ids = ["tttt-1111-first", "tttt-1111-second", "uuuu-2222", "vv*v-3333", "vvxv-4444"]
    for letter_id in ids:
        bury(broker, letter_id)

    # Expect what is listed to name one letter each
    listed = [line.split()[0] for line in dead("list").output.splitlines() if "pour" in line]
    shown = [json.loads(dead("show", prefix, "--json").output)["id"] for prefix in listed]
    assert sorted(shown) == sorted(ids)

    # And a beginning of two to be refused, as a letter that does not exist, with nothing done
    refused = dead("delete", "uuuu", "tttt")
    assert refused.exit_code == 1
    assert "Several dead letters begin with 'tttt'" in refused.output
    assert "There is no dead letter 'wwww'" in dead("delete", "uuuu", "wwww").output
    assert "expected a name, got ''" in dead("delete", "uuuu", "").output
    assert left(broker) == set(ids)

    # And several to be changed at once, each of them once, and a star to be a star
    assert dead("delete", "uuuu", "uuuu-2222", "vv*").output == "2 deleted.\n"
    assert left(broker) == {"tttt-1111-first", "tttt-1111-second", "vvxv-4444"}
    assert dead("requeue", "tttt-1111-f", "vvxv").output == "2 requeued.\n"
    assert left(broker) == {"tttt-1111-second"}


def test_a_letter_is_found_by_the_message_id_that_logs_have(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given a message that its only attempt has made a dead letter, and another one that waits
    message: dramatiq.Message[Any] = broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    redis_id = message.options["redis_message_id"]
    broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    keys = broker.store.keys("beer")
    broker.client.hdel(keys.messages, redis_id)
    broker.client.zadd(keys.dead, {redis_id: time.time() * 1000})
    broker.client.hset(keys.dead_messages, redis_id, message.encode())
    broker.client.hset(keys.dead_details, redis_id, json.dumps({"reason": "failed"}))

    # Expect the whole id, and what a log line was cut to, to be good
    for copied in (message.message_id, message.message_id[:13]):
        assert json.loads(dead("show", copied, "--json").output)["id"] == redis_id
    assert dead("requeue", message.message_id[:8]).output == "1 requeued.\n"


def test_a_letter_of_a_stock_program_is_found_by_its_message_id_as_well(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given dead letters under ids that tell nothing of their messages
    for name in ("2a2f35ad-4d0f", "9b1d7e60-77aa"):
        bury(broker, name)
    wanted = DeadLetters(broker, "beer").get("2a2f35ad-4d0f")
    assert wanted is not None
    assert wanted.fields is not None
    message_id = wanted.fields["message_id"]

    assert json.loads(dead("show", message_id[:13], "--json").output)["id"] == "2a2f35ad-4d0f"
    assert dead("delete", message_id).output == "1 deleted.\n"
    assert left(broker) == {"9b1d7e60-77aa"}


@pytest.mark.parametrize("mistyped", [("--queue", "beeer"), ("--actor", "puor")])
def test_a_mistyped_name_is_not_taken_for_a_success(
    mistyped: tuple[str, str], broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    bury(broker)

    for command in ("list", "requeue", "delete"):
        assert "There are no such dead letters." in dead(command, *mistyped).output


def test_several_letters_are_shown_one_below_the_other(
    broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    for letter_id in ("first-letter", "second-letter"):
        bury(broker, letter_id)

    assert dead("show", "first", "second").output.count("Payload:") == 2
    letters = json.loads(dead("show", "first", "second", "--json").output)
    assert [letter["id"] for letter in letters] == ["first-letter", "second-letter"]


def test_ids_and_a_filter_contradict_each_other(dead: Callable[..., Result]) -> None:
    result = dead("delete", "some-id", "--all")

    assert result.exit_code == 2
    assert "either ids, or --queue" in result.output


@pytest.mark.parametrize("command", ["requeue", "delete"])
def test_badly_stored_letters_hide_no_other_and_can_be_changed(
    command: str, broker: RedisBroker, dead: Callable[..., Result]
) -> None:
    # Given a good letter between one whose id is no text and one whose details are none
    bury(broker, b"\xff\xfe-id")
    bury(broker, "good-letter")
    bury(broker, "no-details")
    broker.client.hset(broker.store.keys("beer").dead_details, "no-details", "[nonsense")
    bury(broker, "odd-details", error=["a", "list"], traceback=7, reason=None)

    # Expect a row for each, and each to be changed
    output = dead("list").output
    assert output.count("pour") == 4
    assert r"\udcff\udcfe-id" in output
    assert len(json.loads(dead("list", "--json").output)) == 4
    assert "Error:" in dead("show", "odd-details").output
    assert dead(command, "--all").output.startswith("4 ")
    assert left(broker) == set()
