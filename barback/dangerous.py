"""Messages over which a worker has died before."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import redis

from barback import lua

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.delivery import Delivery

#: After so many losses a message runs without another such message beside it, so that a further
#: death tells which one is to blame.
LOSSES_BEFORE_ALONE = 2


class DangerousMessages:
    """Finds out which message kills workers, without blaming its neighbours.

    When a worker dies for the first time, each of the messages that it held may be the cause. From
    then on the start of each of them is noted in Redis, and only what was started is blamed for
    another death; after two, one runs at a time. So at the third death it is the culprit alone
    that becomes a dead letter.

    Parameters:
      broker: The broker of this process.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._one_at_a_time = threading.Lock()

    def enter(self, delivery: Delivery) -> None:
        """Called by a worker thread before it runs the message."""
        if delivery.losses >= LOSSES_BEFORE_ALONE:
            self._one_at_a_time.acquire()
            delivery.is_alone = True
        keys = self._broker.keys(delivery.queue_name)
        try:
            self._broker.links.run(
                lua.START, (keys.losses,), (delivery.redis_id, self._broker.broker_id)
            )
        except redis.RedisError as error:
            # Without the note the message may be run once more than it should.
            self._broker.logger.warning("The start of a message was not noted: %s", error)

    def leave(self, delivery: Delivery) -> None:
        """Called when the message is finished, however it ended."""
        if delivery.is_alone:
            delivery.is_alone = False
            self._one_at_a_time.release()
