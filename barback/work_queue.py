"""The queue between the consumer threads and the worker threads of a process."""

from __future__ import annotations

import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


#: How often :meth:`WorkQueue.join` looks, in seconds.
JOIN_POLL_SECONDS = 0.002


class WorkQueue:
    """A :class:`queue.PriorityQueue` with what Dramatiq's worker uses of it, several times faster.

    Items of the same priority leave in the order in which they came. There are few different
    priorities (one per actor at the most), so each has a lane of its own; waiting is left to
    :class:`queue.SimpleQueue`, which is written in C.
    """

    def __init__(self) -> None:
        self._lanes: dict[int, deque[Any]] = {}
        self._by_priority: tuple[deque[Any], ...] = ()
        #: One token for each item in the lanes.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        #: One entry for each item that is not reported done. Appending and popping need no lock,
        #: and a lock here is worth avoiding: once two threads have met at it, with the
        #: interpreter's own lock they go on meeting at every message.
        self._unfinished: deque[None] = deque()
        self._new_lane = threading.Lock()
        self._is_closed = False

    @property
    def unfinished_tasks(self) -> int:
        return len(self._unfinished)

    def put(self, item: Any) -> None:
        self._unfinished.append(None)
        lane = self._lanes.get(item.priority)
        if lane is None:
            lane = self._add_lane(item.priority)
        lane.append(item)
        self._tokens.put(None)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        """Take the item with the lowest priority number.

        Raises:
          queue.Empty: When there was none for ``timeout`` seconds, or the queue was closed.
        """
        self._tokens.get(block, timeout)
        while True:  # the token promises an item, in one lane or another
            for lane in self._by_priority:
                try:
                    return lane.popleft()
                except IndexError:
                    continue
            if self._is_closed and not any(self._by_priority):
                self._tokens.put(None)  # for the next one that waits
                raise Empty

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def close(self) -> None:
        """Keep no thread waiting from now on. Items that are in the queue can still be taken.

        A token without an item goes from thread to thread. Waiting for the time-outs of ``get``
        would take longer, and may not end at all: when the last moment of one falls together with
        an item that another thread takes, :class:`queue.SimpleQueue` waits on without a limit (in
        CPython 3.11 and 3.12, ``_queuemodule.c`` takes a time left below zero for none given).
        """
        self._is_closed = True
        self._tokens.put(None)

    def drain(self) -> Iterator[Any]:
        """Take out everything that nobody works on yet."""
        while True:
            try:
                item = self.get_nowait()
            except Empty:
                return
            self.task_done()
            yield item

    def task_done(self) -> None:
        self._unfinished.pop()

    def join(self) -> None:
        """Wait until every item that was put has been reported done. For tests."""
        while self._unfinished:
            time.sleep(JOIN_POLL_SECONDS)

    def qsize(self) -> int:
        return self._tokens.qsize()

    def empty(self) -> bool:
        return self._tokens.empty()

    def _add_lane(self, priority: int) -> deque[Any]:
        with self._new_lane:
            lane = self._lanes.setdefault(priority, deque())
            self._by_priority = tuple(self._lanes[number] for number in sorted(self._lanes))
            return lane
