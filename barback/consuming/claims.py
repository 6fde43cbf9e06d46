"""Takes the messages of one queue in the name of a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dramatiq.logging import get_logger

from barback.consuming.line import NOTHING
from barback.consuming.prefetch import MAX_BYTES
from barback.store.worker_calls import new_epoch

if TYPE_CHECKING:
    from barback.consuming.in_flight import InFlight
    from barback.consuming.line import Line
    from barback.store.calls import Invocation
    from barback.store.worker_calls import WorkerCalls

#: How often the account is compared with Redis although nothing has failed, in seconds.
AUDIT_SECONDS = 60.0

#: Of so many claims one takes the least urgent messages first, so that these never starve.
CLAIMS_PER_REVERSED = 16


class Claims:
    """A worker's membership in a queue, and what it takes by it.

    A worker joins under an *epoch*. Whenever the answer to a claim may have been lost, it joins
    anew: what Redis had given it without its knowledge goes back, and a claim of the former epoch
    that Redis executes late takes nothing.

    Parameters:
      queue_name: The queue.
      calls: What the worker may ask of the queue.
      line: Its line to the queue.
      in_flight: What it holds.
    """

    def __init__(
        self, queue_name: str, calls: WorkerCalls, line: Line, in_flight: InFlight
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._queue_name = queue_name
        self._calls = calls
        self._line = line
        self._in_flight = in_flight
        #: Under which epoch the worker has joined; None: it has to join.
        self._epoch: str | None = None
        self._audit_at = 0.0
        self._claims = 0
        #: Whether the queue was found empty, so that the bell will ring for the next message.
        self.is_registered = False

    @property
    def is_waiting(self) -> bool:
        return self._line.is_waiting

    @property
    def is_join_due(self) -> bool:
        return self._epoch is None or time.monotonic() >= self._audit_at

    def join(self) -> None:
        """Join the queue, or compare what this worker holds with what Redis thinks that it holds.

        Raises:
          redis.RedisError: When the server cannot be asked.
        """
        is_audit = self._epoch is not None
        epoch = new_epoch()
        back = self._line.join(self._calls, epoch, self._in_flight.known_ids())
        self._epoch = epoch
        self.is_registered = False
        self._audit_at = time.monotonic() + AUDIT_SECONDS
        if back and is_audit:
            self.logger.error(
                "Queue %r: messages that were held in Redis for this worker, which did not have "
                "them, are back in the queue: %d.",
                self._queue_name,
                back,
            )
        elif back:
            self.logger.info(
                "Queue %r: messages whose delivery was cut off are back in the queue: %d.",
                self._queue_name,
                back,
            )

    def claim(self, count: int, acks: list[str], *, waits: bool) -> Any:
        """Acknowledge finished messages and take new ones.

        Parameters:
          count: How many to take at the most.
          acks: The ids of finished messages.
          waits: Whether the bell is to ring for the next message if there is none.

        Returns:
          What :class:`Receiver` takes in.

        Raises:
          redis.RedisError: When the answer was lost, or there was none.
        """
        answer = self._line.claim(self._claiming(count, acks, waits=waits))
        return self._noted(answer, waits=waits) if count else NOTHING

    def wait(self, count: int, timeout_seconds: float) -> Any:
        """Begin to wait for the bell, and claim when it rings; raises as :meth:`claim`."""
        self._line.wait(self._claiming(count, [], waits=True))
        return self.go_on_waiting(timeout_seconds)

    def go_on_waiting(self, timeout_seconds: float) -> Any:
        """What a wait has brought; nothing, too, while :attr:`is_waiting`. Raises likewise."""
        answer = self._line.poll(timeout_seconds)
        return NOTHING if self._line.is_waiting else self._noted(answer, waits=True)

    def stop(self) -> None:
        """Take nothing more; raises :class:`redis.RedisError`."""
        if self._epoch is not None:
            self._calls.stop_claiming()
            self._epoch = None
        if self._line.is_waiting:
            self._line.end_wait()

    def break_off(self) -> None:
        """Forget the connection."""
        self._line.close()
        self._epoch = None

    def _claiming(self, count: int, acks: list[str], *, waits: bool) -> Invocation:
        self._claims += count > 0
        return self._calls.claiming(
            count,
            max(1, MAX_BYTES - self._in_flight.held_bytes()),
            self._epoch or "",
            acks=acks,
            waits=waits or self.is_registered,
            is_reversed=self._claims % CLAIMS_PER_REVERSED == 0,
        )

    def _noted(self, answer: Any, *, waits: bool) -> Any:
        if answer is None:  # others have taken this worker for dead, or the server was emptied
            self._epoch = None
            return NOTHING
        self.is_registered = (waits or self.is_registered) and not answer[0]
        return answer
