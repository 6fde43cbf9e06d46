"""What schedulers have sent, and what they will."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from barback.periodic.clock import server_now
from barback.periodic.plan import Plan
from barback.periodic.record import TickRecord

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board


def schedules(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """The ticks of periodic actors. When the next one is due is known only where the actors are
    declared: on a board that the application itself has mounted.
    """
    broker = board.broker
    now = server_now(broker.client)
    last = TickRecord(broker.client, broker.namespace).last_ticks()
    plans = {
        name: plan for name, actor in broker.actors.items() if (plan := Plan.of(actor)) is not None
    }
    return {
        "now": now.timestamp(),
        "rows": [
            _row(name, last.get(name), plans.get(name), now) for name in sorted({*last, *plans})
        ],
    }


def _row(
    name: str, last: dt.datetime | None, plan: Plan | None, now: dt.datetime
) -> dict[str, Any]:
    upcoming = plan.schedule.next_after(now) if plan else None
    missed = None
    if plan and last:
        due = plan.schedule.next_after(last)
        missed = due + dt.timedelta(minutes=1) < now
    return {
        "actor_name": name,
        "schedule": str(plan.schedule) if plan else None,
        "last": last.timestamp() if last else None,
        "next": upcoming.timestamp() if upcoming else None,
        "is_late": missed,
    }
