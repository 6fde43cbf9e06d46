"""What the controlled jobs of fault tests want, for their workers and their producer."""

from __future__ import annotations

from typing import Any

import dramatiq

from barback.control import Control, Limit, Unique

UNIQUE: dict[str, Any] = {"unique": Unique(key=lambda job_id, *_: job_id)}

#: How many limited jobs may run at once.
AT_ONCE = 2

LIMITED: dict[str, Any] = {"limit": Limit("machine", at_once=AT_ONCE)}

ALONE: dict[str, Any] = {"limit": Limit("smtp", at_once=1)}

#: How many paced jobs may start within so many seconds.
RATE = 4
PER_SECONDS = 1.0

PACED: dict[str, Any] = {"limit": Limit("machine's pace", rate=RATE, per_seconds=PER_SECONDS)}


def declare(
    broker: dramatiq.Broker, actor_name: str, options: dict[str, Any], queue_name: str = "jobs"
) -> dramatiq.Actor[..., Any]:
    """Declare one of the jobs on the broker of a producer, which does not run it."""
    if not any(isinstance(middleware, Control) for middleware in broker.middleware):
        broker.add_middleware(Control())

    def elsewhere(*_: object) -> None:
        raise AssertionError("runs in a worker's process alone")

    return dramatiq.actor(broker=broker, actor_name=actor_name, queue_name=queue_name, **options)(
        elsewhere
    )
