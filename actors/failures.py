"""Records work that was given up, so that no page waits for it."""

from __future__ import annotations

import inspect
import uuid
from typing import TYPE_CHECKING, Any

import dramatiq

from barback.control import Cancelled
from database.engine import AWAY_ERRORS, writing
from database.orders import mark_cancelled, mark_failed
from database.reports import ReportState, end_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session


class RecordFailures(dramatiq.Middleware):
    """Marks an order or a report when its message becomes a dead letter, or is cancelled while it
    runs. When the database is away, the actor ``record_failure`` does so later.
    """

    def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        was_cancelled = isinstance(message._exception, Cancelled)  # noqa: SLF001 - no other place
        failure = (message.actor_name, list(message.args), message.kwargs, was_cancelled)
        try:
            record(*failure)
        except AWAY_ERRORS:
            broker.get_actor("record_failure").send(*failure)


def record(actor_name: str, args: list[Any], kwargs: dict[str, Any], was_cancelled: bool) -> None:  # noqa: FBT001 - messages have it by place
    """Mark what a message was about, if it has an actor's arguments and is about anything."""
    recorder = (_CANCELLED_RECORDERS if was_cancelled else _RECORDERS).get(actor_name)
    if recorder is not None and _fits(recorder, args, kwargs):
        with writing() as session:
            recorder(session, *args, **kwargs)


def _fits(recorder: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> bool:
    try:
        inspect.signature(recorder).bind(None, *args, **kwargs)
    except TypeError:
        return False
    return True


def _report_failed(session: Session, report_id: str) -> None:
    end_report(session, uuid.UUID(report_id), ReportState.FAILED)


def _report_cancelled(session: Session, report_id: str) -> None:
    end_report(session, uuid.UUID(report_id), ReportState.CANCELLED)


_RECORDERS: dict[str, Callable[..., Any]] = {
    "serve_a_beer": mark_failed,
    "serve_a_coffee": mark_failed,
    "make_report": _report_failed,
}

_CANCELLED_RECORDERS: dict[str, Callable[..., Any]] = {
    "serve_a_beer": mark_cancelled,
    "serve_a_coffee": mark_cancelled,
    "make_report": _report_cancelled,
}
