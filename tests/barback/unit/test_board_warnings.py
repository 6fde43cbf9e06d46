"""What the board warns of, in words."""

from __future__ import annotations

from typing import Any

import pytest

from barback.board.attention import queue_warnings, worker_warnings
from barback.board.retries import Retrying
from barback.board.rows import QueueRow, WorkerRow
from barback.control import PausedQueue
from barback.monitoring.queues import QueueStatus
from barback.monitoring.workers import WorkerStatus


def _row(
    *, pause: PausedQueue | None = None, usual: float | None = None, **status: Any
) -> QueueRow:
    usually = {"ready": 0, "running": 0, "delayed": 0, "dead": 0, "oldest_seconds": None}
    known = {**usually, "workers": 1, "is_paused": False, "limited": 0, **status}
    return QueueRow(
        status=QueueStatus(name="coffee", **known),
        pause=pause,
        busy=0,
        rate=0.0,
        rate_in=None,
        retrying=Retrying(),
        failed=0,
        usual_wait_seconds=usual,
        per_minute=[],
    )


@pytest.mark.parametrize(
    ("row", "warnings"),
    [
        (_row(), []),
        (_row(ready=3, oldest_seconds=5.0), []),
        (_row(ready=212, workers=0), ["coffee: 212 wait and no worker serves it."]),
        (_row(delayed=2, workers=0), ["coffee: 2 wait and no worker serves it."]),
        (_row(limited=3, running=1, workers=0), ["coffee: 4 wait and no worker serves it."]),
        (
            _row(ready=9, oldest_seconds=240.0, usual=0.2),
            ["coffee: the oldest waits 4 min, usually 200 ms."],
        ),
        (_row(ready=9, oldest_seconds=240.0, usual=120.0), []),
        (_row(dead=1), ["coffee: 1 message was given up. Requeue or delete it."]),
        (
            _row(ready=2, workers=0, dead=1200),
            [
                "coffee: 2 wait and no worker serves it.",
                "coffee: 1,200 messages were given up. Requeue or delete them.",
            ],
        ),
        (_row(ready=9, oldest_seconds=240.0), ["coffee: the oldest waits 4 min."]),
        (
            _row(ready=9, pause=PausedQueue("coffee", "new beans", 0.0, None)),
            ["coffee is paused: new beans. 9 wait."],
        ),
        (
            _row(ready=9, limited=3, pause=PausedQueue("coffee", None, 0.0, None)),
            ["coffee is paused. 12 wait."],
        ),
    ],
)
def test_a_queue_is_warned_of_that_waits_longer_than_usual_or_has_given_up(
    row: QueueRow, warnings: list[str]
) -> None:
    assert list(map(str, queue_warnings([row]))) == warnings


def test_workers_are_warned_of_that_are_silent_or_have_lost_threads() -> None:
    silent = WorkerStatus("a", "bar", 7, 8, 0, {"coffee": 75.0})
    hurt = WorkerStatus("b", "bar", 8, 8, 2, {"coffee": 1.0})

    warnings = worker_warnings([WorkerRow(silent, 0), WorkerRow(hurt, 0)])
    assert list(map(str, warnings)) == [
        "The worker bar:7 has been silent for 1 min 15 s.",
        "The worker bar:8 has lost 2 threads: restart it.",
    ]
