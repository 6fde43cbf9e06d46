"""What has gone wrong in this process, in numbers, for metrics."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

#: Redis did not serve and was tried again (``interruption``); a worker of a queue was found dead
#: (``crash``); a message that it held is back in its queue (``recovery``).
Kind = Literal["interruption", "crash", "recovery"]


class Incidents:
    """Counts, which only grow."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Kind, str]] = Counter()
        self._lock = threading.Lock()

    def note(self, kind: Kind, queue_name: str = "", count: int = 1) -> None:
        """Count something.

        Parameters:
          kind: What.
          queue_name: The queue that it concerns, if it is one.
          count: How often it happened.
        """
        if count:
            with self._lock:
                self._counts[kind, queue_name] += count

    def counts(self) -> Counter[tuple[Kind, str]]:
        """Everything so far, by kind and queue."""
        with self._lock:
            return self._counts.copy()


#: Those of this process.
incidents = Incidents()
