from __future__ import annotations

from benchmarks.recorder import run_task


def task(message_id: int, sent_ns: int) -> None:
    run_task(message_id, sent_ns)
