"""Messages over which a worker has died before."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback.errors import WorkersDied

if TYPE_CHECKING:
    from barback.messages.delivery import Delivery
    from barback.store.store import Store

#: How many workers may die over a message before it becomes a dead letter.
MAX_CRASHES = 3

#: After so many crashes a message runs without another such message beside it, so that a further
#: death tells which one is to blame.
CRASHES_BEFORE_ALONE = 2

#: How often a thread that waits for its turn looks whether its worker is to stop, in seconds.
TURN_SECONDS = 0.2


class PoisonMessages:
    """Finds out which message kills workers, without blaming its neighbours.

    When a worker dies for the first time, each of the messages that it held may be the cause. From
    then on the start of each of them is noted in Redis, and only what was started is blamed for
    another death; after two, one runs at a time. So at the third death it is the culprit alone
    that is given up. It is failed, not run, by the next worker, so that middleware hears of it as
    of any other failure.

    Parameters:
      store: Where the queues are.
    """

    def __init__(self, store: Store) -> None:
        self.logger = get_logger(__name__, type(self))
        self._store = store
        self._one_at_a_time = threading.Lock()

    def wait_for_turn(self, delivery: Delivery, stopping: threading.Event) -> bool:
        """Wait until no other message runs alone, if this one has to.

        Parameters:
          delivery: The message, which a worker thread is about to work on.
          stopping: Whether the worker is to stop.

        Returns:
          False when the worker is to stop before it is its turn.
        """
        if not CRASHES_BEFORE_ALONE <= delivery.crashes < MAX_CRASHES:
            return True
        while not (delivery.runs_alone or stopping.is_set()):
            delivery.runs_alone = self._one_at_a_time.acquire(timeout=TURN_SECONDS)
        if stopping.is_set():
            self.leave(delivery)
        return delivery.runs_alone

    def enter(self, delivery: Delivery) -> None:
        """Called by a worker thread before it runs the message.

        Raises:
          WorkersDied: When it must not run again.
        """
        if delivery.crashes >= MAX_CRASHES:
            delivery.options["max_retries"] = 0
            delivery.fail()
            raise WorkersDied(f"{delivery.crashes} workers died while they ran this message.")
        try:
            self._store.calls(delivery.queue_name).note_start(delivery.redis_id, delivery.worker_id)
        except redis.RedisError as error:
            # Without the note the message may be run once more than it should.
            self.logger.warning("The start of a message was not noted: %s", error)

    def leave(self, delivery: Delivery) -> None:
        """Called when the message is finished, however it ended."""
        if delivery.runs_alone:
            delivery.runs_alone = False
            self._one_at_a_time.release()
