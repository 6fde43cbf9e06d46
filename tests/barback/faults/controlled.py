"""What ledger and server tell of controlled jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.barback.faults.conftest import Scene


def most_at_once(
    scene: Scene, killed_pid: int = 0, *, job_ids: Collection[str] | None = None
) -> int:
    """How many limited jobs ran at the same time; those that were killed ran until then."""
    ends = {(entry.job_id, entry.pid): entry.at for entry in scene.ledger.entries("effect")}
    moments: list[tuple[float, int]] = []
    for start in scene.ledger.entries("start"):
        if job_ids is not None and start.job_id not in job_ids:
            continue
        end = ends.get((start.job_id, start.pid))
        if end is None:
            assert start.pid == killed_pid, f"{start} has no end"
            end = scene.ledger.fault_at
        moments += [(start.at, 1), (end, -1)]
    count = most = 0
    for _, change in sorted(moments):
        count += change
        most = max(most, count)
    return most


def no_trace_is_left(scene: Scene, *queue_names: str) -> None:
    scene.wait_until_nothing_is_left(*queue_names)
    keys: Any = scene.broker.client.keys("dramatiq:__barback__:*:*")
    kinds = {key.decode().split(":")[3] for key in keys if not key.endswith(b":lines")}
    of_work = {"claims", "slots", "slots-used", "parked", "lines", "paced", "cancelling"}
    assert not kinds & of_work, kinds
