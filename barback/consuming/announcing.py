"""What a worker says when it starts: what it serves, and where."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import redis
from dramatiq.logging import get_logger

from barback.connection.remedies import explained
from barback.connection.server import describe_server, each_server
from barback.control.options import queues_by_shared_limit
from barback.exits import EXIT_USAGE, end_process
from barback.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import dramatiq

    from barback.store.store import Store

#: How many queues and servers are named before the rest is counted.
MAX_NAMES = 12

#: What Dramatiq's command line logs after a worker has started, whether or not its broker is there.
_READY = "Worker process is ready for action."
_NOT_READY = "Worker process waits for Redis."


class Announcement:
    """Says once what a worker serves and on which server, as soon as that server has answered.

    Parameters:
      store: Where its queues are.
      queue_names: The queues that it serves.
      thread_count: How many messages it works on at a time.
    """

    def __init__(self, store: Store, queue_names: Iterable[str], thread_count: int) -> None:
        self.logger = get_logger("barback.worker")
        self._store = store
        self._queue_names = sorted(queue_names)
        self._thread_count = thread_count
        self._is_due = True
        #: Whether Dramatiq's line was said in other words, because it was not true yet.
        self._was_held_back = False
        self._lock = threading.Lock()

    def make(self) -> None:
        """Say it, unless that is done."""
        with self._lock:
            is_due, self._is_due = self._is_due, False
            was_held_back = self._was_held_back
        if not is_due:
            return
        if not self._queue_names:
            self.logger.warning(
                "Serving nothing: this broker has no actors. Set it before the modules of the "
                "actors are imported, and import them in the module that is started."
            )
            return
        self.logger.info(
            "Serving %s on %s with %d %s.",
            _listed(self._queue_names),
            _where(self._store.client),
            self._thread_count,
            "thread" if self._thread_count == 1 else "threads",
        )
        if was_held_back:
            self.logger.info(_READY)

    def put_off(self, error: Exception) -> None:
        """The server does not answer: say so, and nothing of being ready."""
        self.logger.warning("Redis does not serve yet: %s.", explained(error))
        for handler in logging.getLogger().handlers:
            handler.addFilter(self._say_not_ready)

    def _say_not_ready(self, record: logging.LogRecord) -> bool:
        if record.msg == _READY and record.name != self.logger.name:
            with self._lock:
                if self._is_due:
                    self._was_held_back = True
                    record.msg = _NOT_READY
        return True


def warn_of_divided_limits(actors: Iterable[dramatiq.Actor[Any, Any]]) -> None:
    """Say which limits hold for each queue by itself, on a cluster, although actors on several
    queues name the same.
    """
    logger = get_logger("barback.worker")
    for key, queue_names in queues_by_shared_limit(actors).items():
        logger.warning(
            "The limit %r holds for each of the queues %s by itself: on a cluster, each may be on "
            "another server. For a limit on all of them together, put its actors on one queue.",
            key,
            _listed(queue_names),
        )


def require_queues(wanted: Iterable[str], declared: Collection[str]) -> None:
    """End this worker process, saying why, if it was told to serve a queue that no actor has.

    It would wait there for ever. Only for Dramatiq's command line, which has imported all actors:
    a program may declare further ones when its worker runs already.

    Raises:
      SystemExit: If so.
    """
    unknown = sorted(set(wanted) - set(declared))
    if not unknown:
        return
    text = f"no actor is on the queue {', '.join(map(repr, unknown))}."
    text += (
        f" There are: {_listed(sorted(declared))}." if declared else " There is no queue at all."
    )
    separated = [part for name in unknown for part in name.split(",")]
    if len(separated) > len(unknown):
        text += f" Separate queues by spaces: {printable(' '.join(separated))}."
    else:
        text += " If the actor is new: is its module imported by the one that was started?"
    end_process(text, EXIT_USAGE)


def _where(client: redis.Redis) -> str:
    """The servers of a client, as people know them."""
    try:
        servers = [describe_server(server) for server in each_server(client)]
    except (redis.RedisError, KeyError):  # it answers, but may not be asked for this
        return "a server that does not say who it is"
    return _listed(
        [f"{server['name']} {server['version']} at {server['address']}" for server in servers]
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
