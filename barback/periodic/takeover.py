"""The one place where a name of ``periodiq`` is replaced: its ``Scheduler``.

``periodiq`` has no way to be given another scheduler, and its own cannot be made right from
outside: it keeps no state, sends from each process, ends at the first enqueue error and asks the
machine's clock. Its command line does just this with the class::

    scheduler = Scheduler(actors=periodic_actors)
    scheduler.schedule()
    scheduler.loop()

So that is all that :class:`TickScheduler` must be able to do. ``tests/integration`` and
``tests/e2e`` check it on the installed ``periodiq``, and requirements.txt pins its minor version.
"""

from __future__ import annotations

import sys

from barback.periodic.scheduler import TickScheduler


def take_over_periodiq() -> bool:
    """In a process that runs the command ``periodiq``, have it use our scheduler.

    Elsewhere nothing happens: ``periodiq`` is not even imported.

    Returns:
      Whether this is such a process.
    """
    periodiq = sys.modules.get("periodiq")
    if periodiq is None:
        return False
    periodiq.Scheduler = TickScheduler  # type: ignore[attr-defined]
    return True
