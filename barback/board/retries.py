"""How many of the delayed messages are retries, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.messages.ids import is_retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from barback.store.store import Store

#: Up to how many delayed messages of a queue each is looked at.
MAX_COUNTED = 1_000

#: How many are looked at where there are more, picked at random. What is read out of them is wrong
#: by seven percentage points at the most, as a rule. Redis takes less than a millisecond for it.
SAMPLE_SIZE = 200


@dataclass(frozen=True)
class Retrying:
    """How many messages of a queue wait for their next attempt.

    Parameters:
      count: How many.
      is_estimate: Whether that was reckoned from a sample.
    """

    count: int = 0
    is_estimate: bool = False


def count_retrying(store: Store, delayed: Mapping[str, int]) -> dict[str, Retrying]:
    """Tell by their ids, in one round trip, how many of the delayed messages are retries.

    Parameters:
      store: Where they are.
      delayed: The queues, and how many messages each delays.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    names = [name for name, count in delayed.items() if count]
    with store.client.pipeline(transaction=False) as pipeline:
        for name in names:
            if delayed[name] <= MAX_COUNTED:
                pipeline.zrange(store.keys(name).due, 0, MAX_COUNTED - 1)
            else:
                pipeline.zrandmember(store.keys(name).due, SAMPLE_SIZE)
        samples: list[list[bytes]] = pipeline.execute()
    return {name: _reckoned(it, delayed[name]) for name, it in zip(names, samples, strict=True)}


def _reckoned(ids: list[bytes], delayed: int) -> Retrying:
    retries = sum(is_retry(each.decode(errors="replace")) for each in ids)
    if delayed <= MAX_COUNTED:
        return Retrying(min(retries, delayed))
    return Retrying(round(delayed * retries / max(1, len(ids))), is_estimate=True)
