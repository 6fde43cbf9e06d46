from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.cron import cron
from barback.periodic import InvalidPlan, Plan

if TYPE_CHECKING:
    from dramatiq.brokers.stub import StubBroker

    from barback.periodic import CatchUp

HOURLY = cron("0 * * * *")


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-06-10 {text}+00:00")


def due(catch_up: CatchUp, *, grace_hours: float, since: str, now: str) -> tuple[list[str], str]:
    plan = Plan(HOURLY, catch_up, dt.timedelta(hours=grace_hours))
    found = plan.due(at(since), at(now))
    dropped = f"{found.dropped_since:%H:%M}" if found.dropped_since else "none"
    return [f"{tick:%H:%M}" for tick in found.to_send], dropped


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
def test_a_tick_on_time_is_sent_whatever_the_policy(catch_up: CatchUp) -> None:
    assert due(catch_up, grace_hours=1, since="08:59:30", now="09:00:00") == (["09:00"], "none")
    assert due(catch_up, grace_hours=1, since="08:59:30", now="09:00:59") == (["09:00"], "none")


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
def test_a_tick_that_was_seen_to_is_not_due_again(catch_up: CatchUp) -> None:
    assert due(catch_up, grace_hours=1, since="09:00:00", now="09:59:59") == ([], "none")


@pytest.mark.parametrize(
    ("catch_up", "to_send", "dropped_since"),
    [
        ("skip", [], "05:00"),
        ("once", ["09:00"], "05:00"),
        ("all", ["07:00", "08:00", "09:00"], "05:00"),
    ],
)
def test_missed_ticks_follow_the_policy(
    catch_up: CatchUp, to_send: list[str], dropped_since: str
) -> None:
    # Given five missed hours, two of them beyond the grace
    # Expect what the policy says, and a word about the first that is left out
    assert due(catch_up, grace_hours=3, since="04:30", now="09:30") == (to_send, dropped_since)


def test_nothing_is_left_out_when_all_missed_ticks_are_sent() -> None:
    assert due("all", grace_hours=24, since="06:30", now="09:30") == (
        ["07:00", "08:00", "09:00"],
        "none",
    )


def test_a_tick_beyond_its_grace_is_not_made_up_for() -> None:
    assert due("once", grace_hours=0.25, since="08:30", now="09:30") == ([], "09:00")


def test_a_scheduler_that_was_away_for_years_computes_no_more_than_the_grace() -> None:
    each_minute = Plan(cron("* * * * *"), "all", dt.timedelta(minutes=2))
    found = each_minute.due(at("00:00") - dt.timedelta(days=3650), at("09:30"))
    assert [f"{tick:%H:%M}" for tick in found.to_send] == ["09:29", "09:30"]
    assert found.dropped_since == at("00:01") - dt.timedelta(days=3650)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"periodic": "0 * * * *"}, "expected periodic to be a barback.cron.cron(…), got '0 *"),
        ({"catch_up": "once"}, "expected periodic to be a barback.cron.cron(…), got None"),
        ({"periodic": HOURLY, "catch_up": "maybe"}, "expected catch_up to be one of"),
        ({"periodic": HOURLY, "grace_seconds": 59}, "a number of at least 60, got 59"),
        ({"periodic": HOURLY, "grace_seconds": "1h"}, "a number of at least 60, got '1h'"),
    ],
)
def test_wrong_options_of_an_actor_fail_where_it_is_declared(
    stub_broker: StubBroker, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidPlan) as error:
        dramatiq.actor(actor_name="clean_the_lines", broker=stub_broker, **options)(print)
    assert "actor clean_the_lines: " in str(error.value)
    assert message in str(error.value)
    assert "clean_the_lines" not in stub_broker.actors
