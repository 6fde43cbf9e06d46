"""What schedulers have sent, what they will, and how to have it sent now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
from starlette.exceptions import HTTPException

from barback.board.endpoints import Outcome
from barback.board.texts import gettext as _
from barback.periodic.clock import server_now
from barback.periodic.plan import ON_TIME, Plan
from barback.periodic.record import AnnouncedPlan, TickRecord

if TYPE_CHECKING:
    import datetime as dt

    from starlette.requests import Request

    from barback.board.context import Board
    from barback.board.endpoints import Form


def schedules(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """The ticks of periodic actors: the last, the next, and whether one was missed."""
    broker = board.broker
    now = server_now(broker.client)
    last = TickRecord(broker.client, broker.namespace).last_ticks()
    plans = _plans(board, now)
    return {
        "now": now.timestamp(),
        "rows": [
            _row(name, last.get(name), plans.get(name), now) for name in sorted({*last, *plans})
        ],
    }


def run_now(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Send an actor's message now, beside its ticks.

    Raises:
      HTTPException: When nobody has told where it belongs.
    """
    name = form.get("actor", [""])[0]
    plan = _plans(board, server_now(board.broker.client)).get(name)
    if plan is None:
        raise HTTPException(
            404, _("No scheduler has told of an actor %(name)s in the last day.", name=repr(name))
        )
    message: dramatiq.Message[Any] = dramatiq.Message(plan.queue_name, name, (), {}, {})
    redis_id = board.broker.enqueue(message).options["redis_message_id"]
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
        "last": last.timestamp() if last else None,
        "next": upcoming.timestamp() if upcoming else None,
        "is_late": missed,
    }
