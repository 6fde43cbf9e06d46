"""What is counted of one actor on one queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from barback.metrics.buckets import BUCKET_COUNT, quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A row of numbers: how many attempts were done, failed, ended as dead letters, were skipped, were
#: not the first of their message; the sum of run times and that of wait times, in microseconds;
#: then a bucket after the other for run times, and for wait times.
DONE, FAILED, DEAD, SKIPPED, RETRIED, RUN_US, WAIT_US = range(7)
RUN_BUCKETS = 7
WAIT_BUCKETS = RUN_BUCKETS + BUCKET_COUNT
ROW_LENGTH = WAIT_BUCKETS + BUCKET_COUNT

#: The names of a row's numbers in Redis. Each is stored very often, so they are short.
FIELDS = (
    *("d", "f", "x", "s", "t", "R", "W"),
    *(f"r{number}" for number in range(BUCKET_COUNT)),
    *(f"w{number}" for number in range(BUCKET_COUNT)),
)

_INDEXES = {name.encode(): index for index, name in enumerate(FIELDS)}


class Series(NamedTuple):
    """What is counted apart.

    Parameters:
      queue_name: The queue.
      actor_name: The actor.
    """

    queue_name: str
    actor_name: str


def empty_row() -> list[int]:
    return [0] * ROW_LENGTH


def row_of(stored: Mapping[bytes, bytes]) -> list[int]:
    """The row that is stored in a hash. What somebody else has written there is left out."""
    row = empty_row()
    for name, value in stored.items():
        index = _INDEXES.get(name)
        if index is not None and value.lstrip(b"-").isdigit():
            row[index] = int(value)
    return row


@dataclass(frozen=True)
class Counts:
    """Counts and times of some messages.

    Parameters:
      row: The numbers.
    """

    row: list[int] = field(default_factory=empty_row)

    @classmethod
    def sum(cls, rows: Iterable[list[int]]) -> Self:
        return cls([sum(numbers) for numbers in zip(*rows, strict=True)] or empty_row())

    @property
    def done(self) -> int:
        return self.row[DONE]

    @property
    def failed(self) -> int:
        """How many attempts ended with an error."""
        return self.row[FAILED]

    @property
    def dead(self) -> int:
        return self.row[DEAD]

    @property
    def skipped(self) -> int:
        """How many were not run, or were cancelled while they ran."""
        return self.row[SKIPPED]

    @property
    def retried(self) -> int:
        """How many attempts were not the first of their message."""
        return self.row[RETRIED]

    @property
    def ran(self) -> int:
        return self.done + self.failed

    @property
    def run_buckets(self) -> list[int]:
        return self.row[RUN_BUCKETS:WAIT_BUCKETS]

    @property
    def wait_buckets(self) -> list[int]:
        return self.row[WAIT_BUCKETS:]

    def run_seconds(self, share: float) -> float | None:
        """The run time that a share of all attempts stayed within."""
        return quantile(self.run_buckets, share)

    def wait_seconds(self, share: float) -> float | None:
        """The time from sending to starting that a share of all messages stayed within."""
        return quantile(self.wait_buckets, share)
