"""How fast, how often in vain, and how long, over the last hour, day or week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from barback.board.charts import line_chart, mark, round_up, round_up_duration
from barback.board.rendering import rate_in_words
from barback.board.texts import gettext as _
from barback.i18n import formats
from barback.metrics import SPANS

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.charts import Chart
    from barback.board.context import Board
    from barback.metrics import Timeline
    from barback.metrics.counts import Counts

#: The shares whose times are shown.
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def history(board: Board, request: Request) -> dict[str, Any]:
    """Charts of all queues together or of one, and a row per actor."""
    span_name = request.query_params.get("span", "hour")
    if span_name not in SPANS:
        raise HTTPException(400, _("Expected span to be one of %(spans)s.", spans=", ".join(SPANS)))
    queue_name = request.query_params.get("queue") or None
    actor_name = request.query_params.get("actor") or None
    timeline = board.history.timeline(span_name)
    chosen = timeline.chosen(queue_name, actor_name)
    started_at, ended_at = timeline.periods[0], timeline.ended_at
    deployments = board.history.deployments(started_at)
    return {
        "span": span_name,
        "spans": list(SPANS),
        "queue_name": queue_name or "",
        "actor_name": actor_name or "",
        "queue_names": sorted({series.queue_name for series in timeline.rows}),
        "rows": [
            {
                "queue_name": series.queue_name,
                "actor_name": series.actor_name,
                "rate": timeline.rate([series]),
                **_summary(timeline.total([series])),
            }
            for series in chosen
        ],
        "total": _summary(timeline.total(chosen)),
        "charts": _charts(timeline, timeline.per_period(chosen)),
        "deployments": deployments,
        "marks": [mark(each.version, each.at, started_at, ended_at) for each in deployments],
        "started_at": started_at,
        "ended_at": ended_at,
    }


def _summary(counts: Counts) -> dict[str, Any]:
    return {
        "done": counts.done,
        "failed": counts.failed,
        "retried": counts.retried,
        "dead": counts.dead,
        "run_seconds": {name: counts.run_seconds(share) for name, share in _SHARES.items()},
        "wait_seconds": {name: counts.wait_seconds(share) for name, share in _SHARES.items()},
    }


def _charts(timeline: Timeline, counts: list[Counts]) -> list[Chart]:
    period_seconds = timeline.span.tier.period_seconds
    lengths = [
        min(period_seconds, max(1.0, timeline.ended_at - start)) for start in timeline.periods
    ]
    ran = [each.ran / length for each, length in zip(counts, lengths, strict=True)]
    failed = [each.failed / length for each, length in zip(counts, lengths, strict=True)]
    return [
        line_chart(_("Ended"), {_("attempts"): ran}, rate_in_words, round_up=round_up),
        line_chart(_("Failed"), {_("attempts"): failed}, rate_in_words, round_up=round_up),
        line_chart(
            _("Run time"),
            {name: [each.run_seconds(share) for each in counts] for name, share in _SHARES.items()},
            formats.duration,
            round_up=round_up_duration,
        ),
        line_chart(
            _("Wait from sending to starting"),
            {
                name: [each.wait_seconds(share) for each in counts]
                for name, share in _SHARES.items()
            },
            formats.duration,
            round_up=round_up_duration,
        ),
    ]
