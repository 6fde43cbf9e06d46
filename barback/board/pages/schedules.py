"""What schedulers have sent, what they will, and how to have it sent now."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.logging import get_logger
from starlette.exceptions import HTTPException

from barback.board.endpoints import Outcome
from barback.board.schedules import no_schedules
from barback.board.texts import gettext as _
from barback.errors import AlreadyEnqueued
from barback.periodic.clock import server_now
from barback.periodic.plan import ON_TIME, Plan
from barback.periodic.record import AnnouncedPlan, TickRecord
from barback.printable import first_line

if TYPE_CHECKING:
    import datetime as dt

    from starlette.requests import Request

    from barback.board.context import Board
    from barback.board.endpoints import Form
    from barback.board.schedules import Schedule

#: How many of a program's own schedules are shown.
MAX_OTHERS = 200

_logger = get_logger(__name__)


def schedules(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """The ticks of periodic actors: the last, the next, and whether one was missed; and the
    schedules that the program keeps itself.
    """
    broker = board.broker
    now = server_now(broker.client)
    last = TickRecord(broker.client, broker.namespace).last_ticks()
    plans = _plans(board, now)
    return {
        "now": now.timestamp(),
        "rows": [
            _row(name, last.get(name), plans.get(name), now) for name in sorted({*last, *plans})
        ],
        **_others(board),
    }


def run_now(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Send an actor's message, or what belongs to a schedule of the program, now, beside its times.

    Raises:
      HTTPException: When nobody has told of it, or it could not be sent.
    """
    if "schedule" in form:
        return _run_other(board, form["schedule"][0])
    name = form.get("actor", [""])[0]
    plan = _plans(board, server_now(board.broker.client)).get(name)
    if plan is None:
        raise HTTPException(
            404, _("No scheduler has told of an actor %(name)s in the last day.", name=repr(name))
        )
    message: dramatiq.Message[Any] = dramatiq.Message(plan.queue_name, name, (), {}, {})
    try:
        redis_id = board.broker.enqueue(message).options["redis_message_id"]
    except AlreadyEnqueued as error:
        return Outcome(f"actor={name} message={error.redis_id}", 0, "/schedules")
    return Outcome(f"actor={name} message={redis_id}", 1, "/schedules")


def _plans(board: Board, now: dt.datetime) -> dict[str, AnnouncedPlan]:
    """What schedulers have told, and what this program itself declares."""
    announced = TickRecord(board.broker.client, board.broker.namespace).announced(now)
    declared = {
        name: AnnouncedPlan(name, actor.queue_name, plan.schedule)
        for name, actor in board.broker.actors.items()
        if (plan := Plan.of(actor)) is not None
    }
    return announced | declared


def _row(
    name: str, last: dt.datetime | None, plan: AnnouncedPlan | None, now: dt.datetime
) -> dict[str, Any]:
    upcoming = plan.schedule.next_after(now) if plan else None
    missed = None
    if plan and last:
        missed = plan.schedule.next_after(last) + ON_TIME < now
    return {
        "actor_name": name,
        "queue_name": plan.queue_name if plan else None,
        "schedule": str(plan.schedule) if plan else None,
        "last": _timestamp(last),
        "next": _timestamp(upcoming),
        "is_late": missed,
    }


def _others(board: Board) -> dict[str, Any]:
    """The schedules of the program, or why it cannot tell them: that is no fault of the board."""
    told: dict[str, Any] = {"has_others": board.schedules is not no_schedules}
    try:
        found = list(islice(board.schedules(MAX_OTHERS + 1), MAX_OTHERS + 1))
    except Exception as error:  # noqa: BLE001 - whatever the program raises
        board.schedules_outage.report(error)
        return {**told, "others": [], "more_others": False, "others_error": first_line(error)}
    board.schedules_outage.end()
    others = [_other(each) for each in found[:MAX_OTHERS]]
    return {**told, "others": others, "more_others": len(found) > MAX_OTHERS, "others_error": None}


def _other(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "name": schedule.name,
        "when": schedule.when,
        "last": _timestamp(schedule.last),
        "next": _timestamp(schedule.next),
        "is_late": schedule.is_missed,
        "note": schedule.note,
        "can_run": schedule.run_now is not None,
    }


def _run_other(board: Board, schedule_id: str) -> Outcome:
    try:
        known = islice(board.schedules(MAX_OTHERS), MAX_OTHERS)
        run = next((each.run_now for each in known if each.id == schedule_id), None)
        sent = run() if run is not None else None
    except Exception as error:
        _logger.exception("The schedule %r could not be run.", schedule_id)
        raise HTTPException(
            502,
            _(
                "The program could not run %(id)s: %(error)s",
                id=repr(schedule_id),
                error=first_line(error),
            ),
        ) from None
    if run is None:
        raise HTTPException(
            404, _("There is no schedule %(id)s that can be run.", id=repr(schedule_id))
        )
    return Outcome(f"schedule={schedule_id} message={sent}", 0 if sent is None else 1, "/schedules")


def _timestamp(moment: dt.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
