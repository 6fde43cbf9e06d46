"""What this process has taken from one queue and not finished yet."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barback.connection.script import Argument


@dataclass(frozen=True)
class Settlement:
    """The arguments of ``settle.lua``: a message finished in any way but the plain ack."""

    redis_id: Argument
    args: tuple[Argument, ...]

    @property
    def sends(self) -> bool:
        """Whether a message follows from it."""
        return len(self.args) > 4  # noqa: PLR2004 - see settle.lua


class InFlight:
    """The account of one queue. It outlives its consumers, which Dramatiq replaces when a worker
    is paused or a consumer fails.

    Worker threads add finished messages; the consumer thread tells Redis about them in batches.
    While the consumer thread waits for messages, :attr:`acks_go_directly` is set and the worker
    threads tell Redis themselves.
    """

    def __init__(self) -> None:
        #: The ids of the messages that were delivered and not finished, in that order, each with
        #: the size of its payload in bytes.
        self.held: dict[Argument, int] = {}
        #: The ids of finished messages that Redis has not been told about.
        self.acks: deque[str] = deque()
        #: Messages that were finished in another way, likewise.
        self.settlements: deque[Settlement] = deque()
        #: Those of them that Redis refuses to take, by id.
        self.refused: dict[Argument, Settlement] = {}
        self.acks_go_directly = False
        self._few_enough = 0
        self._is_low = threading.Event()

    def hold(self, redis_ids: Iterable[Argument], payloads: Iterable[bytes | None]) -> None:
        """Note that messages were delivered."""
        sizes = (len(payload) if payload else 0 for payload in payloads)
        self.held.update(zip(redis_ids, sizes, strict=True))

    def held_bytes(self) -> int:
        """The size of what is held, in bytes of payload."""
        return sum(list(self.held.values()))

    def finish(self, redis_id: Argument) -> None:
        """Note that a message is finished. Finishing it twice does nothing."""
        self.held.pop(redis_id, None)
        if len(self.held) <= self._few_enough and not self._is_low.is_set():
            self._is_low.set()

    def add_ack(self, redis_id: str) -> None:
        """Leave an acknowledgement to the consumer thread."""
        self.acks.append(redis_id)

    def take_acks(self) -> list[str]:
        """Take the acknowledgements that Redis is to be told about now."""
        taken: list[str] = []
        while self.acks:
            try:
                taken.append(self.acks.popleft())
            except IndexError:  # another thread was faster
                break
        return taken

    def return_acks(self, redis_ids: list[str]) -> None:
        """Put acknowledgements back that Redis could not be told about."""
        self.acks.extendleft(reversed(redis_ids))

    def wait_until_held(self, at_most: int, timeout_seconds: float) -> bool:
        """Wait until worker threads have finished so many messages that few are left.

        Returns:
          Whether that was so before the time was up, or :meth:`wake` was called.
        """
        self._few_enough = at_most
        self._is_low.clear()
        if len(self.held) <= at_most:
            return True
        return self._is_low.wait(timeout_seconds)

    def wait_for_one(self, timeout_seconds: float) -> bool:
        """Wait until one of those that are held is finished; returns likewise."""
        return self.wait_until_held(len(self.held) - 1, timeout_seconds)

    def wake(self) -> None:
        """End these waits early."""
        self._is_low.set()

    def known_ids(self) -> list[str]:
        """Every id that Redis may rightly count as held by this process, the oldest first."""
        # Worker threads may move a message from the held ones to the others meanwhile, so those
        # are read first, each collection in one step: a message may count twice, but never be
        # overlooked.
        held = list(self.held)
        settling = [settlement.redis_id for settlement in list(self.settlements)]
        return list(dict.fromkeys([*self.acks, *settling, *self.refused, *held]))  # type: ignore[list-item]
