"""Runs messages that are delayed before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barback.control.locating import SEARCH_AT_MOST, locate
from barback.dead_letters.letter import as_redis_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.store.store import HasStore


def run_now(broker: HasStore, message_id: str, *, search_at_most: int = SEARCH_AT_MOST) -> bool:
    """Put a message that is delayed, or between its retries, at the end of its queue at once.

    Parameters:
      broker: The broker.
      message_id: The id of its entry in Redis, or Dramatiq's; see :func:`barback.control.find`.
      search_at_most: How many messages are looked through for Dramatiq's id at the most.

    Returns:
      False when no such message is delayed.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    place = locate(broker.store, message_id, [], search_at_most)
    if place.queue_name is None:
        return False
    return run_chosen_now(broker, place.queue_name, [as_redis_id(place.redis_id)]) > 0


def run_chosen_now(broker: HasStore, queue_name: str, redis_ids: Sequence[bytes]) -> int:
    """As :func:`run_now`, for some messages of a queue by the ids of their entries in Redis; tells
    how many were delayed.
    """
    if not redis_ids:
        return 0
    return broker.store.calls(queue_name).promote(len(redis_ids), redis_ids)
