"""The queue between the consumer threads and the worker threads of a process."""

from __future__ import annotations

import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: How often :meth:`WorkQueue.join` looks, in seconds.
JOIN_POLL_SECONDS = 0.005

#: How long a thread pauses that finds the queue closed, in seconds. It comes again until it is told
#: to stop, and whoever is to tell it must get a turn: with gevent, nobody does otherwise.
CLOSED_PAUSE_SECONDS = 0.001


class WorkQueue:
    """A :class:`queue.PriorityQueue` with what Dramatiq's worker uses of it, several times faster.

    Items of the same priority leave in the order in which they came. There are few different
    priorities (one per actor at the most), so each has a lane of its own; waiting is left to
    :class:`queue.SimpleQueue`, which is written in C.

    Parameters:
      is_more_to_come: Whether there are items elsewhere that :meth:`join` has to wait for, too.
      admits: Asked by the thread that is about to work on an item; False: somebody else has dealt
        with it, and the thread gets another one.
    """

    #: As with any queue without a limit.
    maxsize = 0

    def __init__(
        self,
        is_more_to_come: Callable[[], bool] = lambda: False,
        *,
        admits: Callable[[Any], bool] | None = None,
    ) -> None:
        #: For programs that hold it while they look at :attr:`queue`; nothing here needs it.
        self.mutex = threading.Lock()
        self._is_more_to_come = is_more_to_come
        self._admits = admits
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
        #: Whether there is one token more than there are items.
        self._is_waking = False

    @property
    def unfinished_tasks(self) -> int:
        return len(self._unfinished)

    @property
    def queue(self) -> list[Any]:
        """What waits, the next item first: a copy."""
        return [item for lane in self._by_priority for item in list(lane)]

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT001, FBT002
        """Add an item; there is always room."""
        self._unfinished.append(None)
        lane = self._lanes.get(item.priority)
        if lane is None:
            lane = self._add_lane(item.priority)
        lane.append(item)
        self._tokens.put(None)

    put_nowait = put

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        """Take the item with the lowest priority number, to work on it.

        Raises:
          queue.Empty: When there was none for ``timeout`` seconds, or the queue was closed, or
            :meth:`wake_one` was called.
        """
        admits = self._admits
        while True:
            self._tokens.get(block, timeout)
            item = self._take_promised()
            if admits is None or admits(item):
                return item
            self.task_done()

    def _take_promised(self) -> Any:
        """The item that a token promises, in one lane or another."""
        while True:
            for lane in self._by_priority:
                try:
                    return lane.popleft()
                except IndexError:
                    continue
            if self._is_closed and not any(self._by_priority):
                self._tokens.put(None)  # for the next one that waits
                time.sleep(CLOSED_PAUSE_SECONDS)
                raise Empty
            if self._is_waking and not any(self._by_priority):
                self._is_waking = False
                raise Empty

    def get_nowait(self) -> Any:
        if self._tokens.empty():  # which Dramatiq asks of a queue after each message
            raise Empty
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

    def wake_one(self) -> None:
        """Have one of those that wait find nothing, now: its time-out may be one that does not end,
        as :meth:`close` says.
        """
        if not self._is_waking:
            self._is_waking = True
            self._tokens.put(None)

    def drain(self) -> Iterator[Any]:
        """Take out everything that nobody works on yet."""
        while True:
            try:
                self._tokens.get(block=False)
                item = self._take_promised()
            except Empty:
                return
            self.task_done()
            yield item

    def take_out(self, is_wanted: Callable[[Any], bool]) -> list[Any]:
        """Take out some of what nobody works on yet; the rest keeps its order."""
        taken: list[Any] = []
        for lane in self._by_priority:
            if any(map(is_wanted, list(lane))):
                taken += self._take_out_of(lane, is_wanted)
        return taken

    def _take_out_of(self, lane: deque[Any], is_wanted: Callable[[Any], bool]) -> list[Any]:
        taken: list[Any] = []
        others: list[Any] = []
        for _ in range(len(lane)):
            try:  # the token before the item: who has one is promised an item
                self._tokens.get(block=False)
            except Empty:
                break
            try:
                item = lane.popleft()
            except IndexError:  # other threads were faster
                self._tokens.put(None)
                break
            (taken if is_wanted(item) else others).append(item)
        lane.extendleft(reversed(others))
        for _ in others:
            self._tokens.put(None)
        for _ in taken:
            self.task_done()
        return taken

    def task_done(self) -> None:
        self._unfinished.pop()

    def join(self) -> None:
        """Wait until every item that was put, or is still to come, has been reported done. For
        tests.
        """
        while self._unfinished or (not self._is_closed and self._is_more_to_come()):
            time.sleep(JOIN_POLL_SECONDS)

    def qsize(self) -> int:
        return self._tokens.qsize()

    def empty(self) -> bool:
        return self._tokens.empty()

    def full(self) -> bool:
        return False

    def _add_lane(self, priority: int) -> deque[Any]:
        with self._new_lane:
            lane = self._lanes.setdefault(priority, deque())
            self._by_priority = tuple(self._lanes[number] for number in sorted(self._lanes))
            return lane
