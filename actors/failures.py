"""Records work that was given up, so that no page waits for it."""

from __future__ import annotations

import inspect
import uuid
from typing import TYPE_CHECKING, Any

import dramatiq

from barback.control import Cancelled
from database.engine import writing
from database.orders import mark_cancelled, mark_failed
from database.reports import ReportState, end_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session


class RecordFailures(dramatiq.Middleware):
    """Marks an order or a report when its message becomes a dead letter, or is cancelled while it
    runs.
    """

    def after_nack(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: dramatiq.MessageProxy,
    ) -> None:
        was_cancelled = isinstance(message._exception, Cancelled)  # noqa: SLF001 - no other place
        recorders = _CANCELLED_RECORDERS if was_cancelled else _RECORDERS
        record = recorders.get(message.actor_name)
        if record is not None and _fits(record, message):
            with writing() as session:
                record(session, *message.args, **message.kwargs)


def _fits(record: Callable[..., Any], message: dramatiq.MessageProxy) -> bool:
    """Whether a message has an actor's arguments; otherwise there is nothing to be recorded."""
    try:
        inspect.signature(record).bind(None, *message.args, **message.kwargs)
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
