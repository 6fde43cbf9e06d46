"""APScheduler, driven by a loop of ours instead of a thread of its own.

Its threads wait on a clock that stands still while a machine is suspended, and so wake up late by
the time it was asleep. Ours looks at what is due each second at least.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.base import BaseScheduler

if TYPE_CHECKING:
    import datetime as dt

    from apscheduler.job import Job


class SteppedScheduler(BaseScheduler):  # type: ignore[misc]
    """Runs the jobs that are due when it is told to look."""

    def wakeup(self) -> None:
        """There is nobody to wake up: the caller looks often enough."""

    def shutdown(self, *, wait: bool = True) -> None:
        super().shutdown(wait)

    def step(self) -> float | None:
        """Run what is due; return in how many seconds the next job is, None if there is none."""
        wait_seconds: float | None = self._process_jobs()
        return wait_seconds


class InformingExecutor(BaseExecutor):  # type: ignore[misc]
    """Calls a job's function once for all runs that are due, and tells it which they are.

    APScheduler's own executors do not tell, and drop a run that is more than a second late
    (``misfire_grace_time``). Here the job decides.
    """

    def _do_submit_job(self, job: Job, run_times: list[dt.datetime]) -> None:
        try:
            job.func(*job.args, run_times)
        except Exception as error:  # noqa: BLE001 - logged by APScheduler, for this job
            self._run_job_error(job.id, error, sys.exc_info()[2])
        else:
            self._run_job_success(job.id, [])
