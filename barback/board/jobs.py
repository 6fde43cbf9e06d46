"""Changes of many dead letters, in the background, in bounded steps that can be watched."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import redis

from barback.board.texts import gettext as _
from barback.printable import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from barback.board.access import Action
    from barback.dead_letters import DeadLetter, DeadLetters

    Change = Callable[[DeadLetters, Iterable[DeadLetter]], Iterator[int]]

#: How many jobs may run at once.
MAX_RUNNING = 2

#: How many finished jobs are remembered.
MAX_REMEMBERED = 100


class TooManyJobs(RuntimeError):  # noqa: N818 - it names what is wrong
    """Enough runs already."""


class _Stopped(Exception):  # noqa: N818 - it is no error
    """Somebody has stopped the job: what it has chosen and not changed yet stays as it is."""


@dataclass
class Job:
    """A change of many dead letters.

    Parameters:
      id: Its id.
      action: ``requeue`` or ``delete``.
      who: Who wanted it.
      query: What they searched.
      total: How many dead letters there were when it began.
      searched: How many it has looked at.
      changed: How many it has changed.
      error: Why it ended early, if it did.
    """

    id: str
    action: Action
    who: str
    query: str
    total: int
    searched: int = 0
    changed: int = 0
    error: str | None = None
    started_at: float = field(default_factory=time.time)
    ended_at: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_running(self) -> bool:
        return self.ended_at is None


class Jobs:
    """The jobs of this process. They end with it; what they have changed stays changed."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def start(
        self,
        queues: list[DeadLetters],
        is_chosen: Callable[[DeadLetter], bool],
        change: Change,
        *,
        action: Action,
        who: str,
        query: str,
        when_done: Callable[[Job], None],
    ) -> Job:
        """Begin to change all dead letters that are chosen.

        Raises:
          TooManyJobs: When two run already.
          redis.RedisError: When the server cannot be asked.
        """
        total = sum(map(len, queues))
        job = Job(secrets.token_urlsafe(8), action, who, query, total)
        with self._lock:
            if sum(each.is_running for each in self._jobs.values()) >= MAX_RUNNING:
                raise TooManyJobs(
                    _("%(count)s such jobs run already. Wait for one to end.", count=MAX_RUNNING)
                )
            self._jobs[job.id] = job
            self._forget_old()
        thread = threading.Thread(
            target=_run, args=(job, queues, is_chosen, change, when_done), daemon=True
        )
        thread.start()
        return job

    def _forget_old(self) -> None:
        over = len(self._jobs) - MAX_REMEMBERED
        for job in [each for each in self._jobs.values() if not each.is_running][: max(0, over)]:
            del self._jobs[job.id]


def _run(
    job: Job,
    queues: list[DeadLetters],
    is_chosen: Callable[[DeadLetter], bool],
    change: Change,
    when_done: Callable[[Job], None],
) -> None:
    def chosen(letters: DeadLetters) -> Iterator[DeadLetter]:
        for letter in letters.scan():
            job.searched += 1
            is_wanted = is_chosen(letter)
            if job.stop.is_set():
                raise _Stopped
            if is_wanted:
                yield letter

    try:
        for letters in queues:
            for count in change(letters, chosen(letters)):
                job.changed += count
    except _Stopped:
        pass
    except (redis.RedisError, OSError) as error:
        job.error = first_line(error)
    except Exception as error:
        logging.getLogger(__name__).exception("A job of the board failed.")
        job.error = first_line(error)
    finally:
        job.ended_at = time.time()
        when_done(job)
