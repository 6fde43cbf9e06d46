"""What somebody should look at, in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from barback.board.texts import Later, ngettext
from barback.board.texts import gettext as _
from barback.i18n import formats
from barback.printable import printable

if TYPE_CHECKING:
    from barback.board.rows import QueueRow, WorkerRow

#: A wait is worth a warning when it is longer than this, in seconds, …
LONG_WAIT_SECONDS = 30.0

#: … and so many times as long as is usual.
LONG_WAIT_FACTOR = 10.0


def queue_warnings(queues: list[QueueRow]) -> list[Later]:
    """What is wrong with queues, in words."""
    warnings = []
    for row in queues:
        if row.pause is not None:
            warnings.append(Later(partial(_paused, row)))
        elif row.status.is_unserved:
            warnings.append(Later(partial(_unserved, row)))
        elif _waits_long(row):
            warnings.append(Later(partial(_late, row)))
        if row.status.dead:
            warnings.append(Later(partial(_given_up, row)))
    return warnings


def _paused(row: QueueRow) -> str:
    name, count = printable(row.name), formats.number(row.status.waiting)
    if row.pause is None or not row.pause.reason:
        return _("%(queue)s is paused. %(count)s wait.", queue=name, count=count)
    return _(
        "%(queue)s is paused: %(reason)s. %(count)s wait.",
        queue=name,
        reason=printable(row.pause.reason),
        count=count,
    )


def _unserved(row: QueueRow) -> str:
    count = formats.number(row.status.unfinished)
    return _(
        "%(queue)s: %(count)s wait and no worker serves it.", queue=printable(row.name), count=count
    )


def _late(row: QueueRow) -> str:
    name, oldest = printable(row.name), formats.duration(row.status.oldest_seconds or 0)
    if row.usual_wait_seconds is None:
        return _("%(queue)s: the oldest waits %(oldest)s.", queue=name, oldest=oldest)
    return _(
        "%(queue)s: the oldest waits %(oldest)s, usually %(usual)s.",
        queue=name,
        oldest=oldest,
        usual=formats.duration(row.usual_wait_seconds),
    )


def _given_up(row: QueueRow) -> str:
    return ngettext(
        "%(queue)s: %(count)s message was given up. Requeue or delete it.",
        "%(queue)s: %(count)s messages were given up. Requeue or delete them.",
        row.status.dead,
        queue=printable(row.name),
        count=formats.number(row.status.dead),
    )


def _waits_long(row: QueueRow) -> bool:
    oldest = row.status.oldest_seconds
    if oldest is None or oldest < LONG_WAIT_SECONDS:
        return False
    return oldest > LONG_WAIT_FACTOR * (row.usual_wait_seconds or 0.0)


def worker_warnings(workers: list[WorkerRow]) -> list[Later]:
    """What is wrong with workers, in words."""
    says = {"silent": _silent, "hurt": _hurt}
    return [Later(partial(says[row.state], row)) for row in workers if row.state in says]


def _silent(row: WorkerRow) -> str:
    return _(
        "The worker %(worker)s has been silent for %(duration)s.",
        worker=printable(row.status.name),
        duration=formats.duration(row.silence_seconds),
    )


def _hurt(row: WorkerRow) -> str:
    return ngettext(
        "The worker %(worker)s has lost %(count)s thread: restart it.",
        "The worker %(worker)s has lost %(count)s threads: restart it.",
        row.status.lost_threads,
        worker=printable(row.status.name),
        count=row.status.lost_threads,
    )
