"""An APScheduler executor that tells a job for when it was scheduled.

APScheduler's own executors do not, and drop a run that is more than a second late
(``misfire_grace_time``). Here the job decides.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from apscheduler.executors.base import BaseExecutor

if TYPE_CHECKING:
    import datetime as dt

    from apscheduler.job import Job


class InformingExecutor(BaseExecutor):  # type: ignore[misc]
    """Calls a job's function once for all runs that are due, in the scheduler's thread."""

    def _do_submit_job(self, job: Job, run_times: list[dt.datetime]) -> None:
        try:
            job.func(*job.args, run_times)
        except Exception as error:  # noqa: BLE001 - logged by APScheduler, for this job
            self._run_job_error(job.id, error, sys.exc_info()[2])
        else:
            self._run_job_success(job.id, [])
