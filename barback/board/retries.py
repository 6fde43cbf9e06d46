"""How many of the delayed messages are retries, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.messages.ids import is_retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from barback.store.store import Store

#: How many delayed messages of a queue are looked at. Where there are more, those are a random
#: sample, and what is read out of it is wrong by five percentage points at the most, as a rule.
SAMPLE_SIZE = 500


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
            pipeline.zrandmember(store.keys(name).due, SAMPLE_SIZE)
        samples: list[list[bytes]] = pipeline.execute()
    return {
        name: _reckoned(sample, delayed[name]) for name, sample in zip(names, samples, strict=True)
    }


def _reckoned(sample: list[bytes], delayed: int) -> Retrying:
    retries = sum(is_retry(each.decode(errors="replace")) for each in sample)
    if len(sample) < SAMPLE_SIZE:
        return Retrying(min(retries, delayed))
    return Retrying(round(delayed * retries / len(sample)), is_estimate=delayed > len(sample))
