"""Lines of JSON say which message they are about."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.middleware import CurrentMessage

from barback.logs import format_logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What the only handler of the root logger writes."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    output = io.StringIO()
    root.handlers = [logging.StreamHandler(output)]
    yield output
    root.handlers = handlers
    root.setLevel(level)


def test_a_line_that_an_actor_writes_names_its_message(output: io.StringIO) -> None:
    format_logs(as_json=True, level="INFO")
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (), {}, {"retries": 1})
    current = CurrentMessage()
    broker = dramatiq.get_broker()

    current.before_process_message(broker, dramatiq.MessageProxy(message))
    logging.getLogger("bar").info("Pouring %s.\nSlowly.", "a beer")
    current.after_process_message(broker, dramatiq.MessageProxy(message))
    logging.getLogger("bar").info("Idle.")

    first, second = map(json.loads, output.getvalue().splitlines())
    assert first["message"] == "Pouring a beer.\nSlowly."
    assert (first["level"], first["logger"]) == ("INFO", "bar")
    assert (first["message_id"], first["actor"]) == (message.message_id, "pour")
    assert (first["queue"], first["attempt"]) == ("beer", 2)
    assert "actor" not in second


def test_the_time_of_a_line_of_json_is_the_same_in_every_time_zone(
    output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        format_logs(as_json=True, level="INFO")
        logging.getLogger("bar").info("Idle.")
    finally:
        monkeypatch.undo()
        time.tzset()

    logged_at = dt.datetime.fromisoformat(json.loads(output.getvalue())["time"])
    assert abs(dt.datetime.now(dt.UTC) - logged_at) < dt.timedelta(minutes=5)


def test_the_level_hides_what_is_below_it(output: io.StringIO) -> None:
    format_logs(as_json=False, level="WARNING")

    logging.getLogger("bar").info("quiet")
    logging.getLogger("bar").warning("loud")

    assert output.getvalue().endswith(" [bar] [WARNING] loud\n")
    assert "quiet" not in output.getvalue()


def test_what_comes_from_outside_forges_no_line_and_steers_no_terminal(
    output: io.StringIO,
) -> None:
    format_logs(as_json=False, level="INFO")
    hostile = "1\n[2026-01-01] [INFO] All is well.\x1b[2J"

    logging.getLogger("lib").info("Order %s is done.", hostile)
    try:
        raise ValueError(hostile)  # noqa: TRY301 - as any other error
    except ValueError:
        logging.getLogger("lib").exception("It failed.")

    message, failed, *traceback = output.getvalue().splitlines()
    assert message.endswith(r"Order 1\n[2026-01-01] [INFO] All is well.\x1b[2J is done.")
    assert failed.endswith("It failed.")
    assert "  [2026-01-01] [INFO] All is well.\\x1b[2J" in traceback
    assert all(line.startswith("  ") for line in traceback)
