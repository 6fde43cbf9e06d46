"""A round of the lesson: the same orders at two bars, and when each slip was taken and served.

A round is a stream in Redis, and its entries bear the server's time: the clocks of the machines
that workers run on may differ. It is forgotten after an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

    #: An entry of a stream: its id and its fields.
    Entry = tuple[bytes, dict[bytes, bytes]]

#: How long a round is kept, in seconds.
TTL_SECONDS = 3600

DRINKS = ("beer", "coffee")


@dataclass(frozen=True)
class LessonQueue:
    """A queue of the lesson.

    Parameters:
      name: Its name.
      drinks: What is ordered on it, in turns.
      threads: How many threads its worker has: how many slips it serves at a time.
    """

    name: str
    drinks: tuple[str, ...]
    threads: int


#: Both bars have the same orders and, in all, as many threads.
ONE_QUEUE = (LessonQueue("lesson-both", DRINKS, threads=4),)
A_QUEUE_EACH = (
    LessonQueue("lesson-beer", ("beer",), threads=3),
    LessonQueue("lesson-coffee", ("coffee",), threads=1),
)
QUEUES = {queue.name: queue for queue in ONE_QUEUE + A_QUEUE_EACH}


@dataclass(frozen=True)
class Slip:
    """An order of a round. Times are in seconds since the round was ordered.

    Parameters:
      queue_name: Its queue.
      drink: What was ordered.
      number: The how-manieth of its drink it is, from 0.
      started: When a worker began to serve it, or None.
      served: When it was served, or None.
      worker: Host and process of that worker, or None.
    """

    queue_name: str
    drink: str
    number: int
    started: float | None = None
    served: float | None = None
    worker: str | None = None

    @property
    def name(self) -> str:
        return f"{self.queue_name} {self.drink} {self.number}"

    @property
    def is_waiting(self) -> bool:
        return self.started is None

    @property
    def is_in_work(self) -> bool:
        return self.started is not None and self.served is None


@dataclass(frozen=True)
class Round:
    """What has become of a round.

    Parameters:
      slips: Its slips, in the order in which each queue got them.
      latest: When the latest of them was taken or served, in seconds since they were ordered.
    """

    slips: Sequence[Slip]
    latest: float

    def at(self, queues: Sequence[LessonQueue]) -> list[Slip]:
        """The slips of some queues, such as those of one bar."""
        names = {queue.name for queue in queues}
        return [slip for slip in self.slips if slip.queue_name in names]

    @property
    def is_over(self) -> bool:
        return are_served(self.slips)


def slips_of(queue: LessonQueue, each: int) -> Iterator[tuple[str, int]]:
    """Drink and number of each slip of a queue, in the order in which they are sent: in turns, as
    guests come.
    """
    return ((drink, number) for number in range(each) for drink in queue.drinks)


def are_served(slips: Sequence[Slip]) -> bool:
    return all(slip.served is not None for slip in slips)


def slips_of_drink(slips: Sequence[Slip], drink: str) -> list[Slip]:
    return [slip for slip in slips if slip.drink == drink]


def waits_seconds(slips: Sequence[Slip], latest: float = 0.0) -> list[float]:
    """How long slips waited.

    Parameters:
      slips: Slips of a round.
      latest: How long those have waited that still wait.
    """
    return [latest if slip.started is None else slip.started for slip in slips]


def open_round(client: redis.Redis, round_id: str, *, each: int) -> None:
    """Write down that so many of each drink are ordered now. Doing it twice changes nothing.

    Raises: redis.RedisError.
    """
    key = _key(round_id)
    client.xadd(key, {"each": each})
    client.expire(key, TTL_SECONDS)


def note_started(client: redis.Redis, round_id: str, slip: Slip, *, worker: str) -> None:
    """Write down that a worker begins to serve a slip. The first time counts."""
    _note(client, round_id, slip, "started", worker)


def note_served(client: redis.Redis, round_id: str, slip: Slip) -> None:
    """Write down that a slip is served. The first time counts."""
    _note(client, round_id, slip, "served")


def read_round(client: redis.Redis, round_id: str) -> Round | None:
    """How far a round is; None when there is none, or not any more.

    Raises: redis.RedisError.
    """
    entries = cast("list[Entry]", client.xrange(_key(round_id)))
    if not entries:
        return None
    each = int(entries[0][1][b"each"])
    started: dict[str, tuple[float, str]] = {}
    served: dict[str, float] = {}
    latest = 0.0
    for name, seconds, fields in _notes(entries):
        if b"started" in fields:
            started.setdefault(name, (seconds, fields[b"started"].decode()))
        else:
            served.setdefault(name, seconds)
        latest = seconds
    slips = (
        Slip(queue.name, drink, number)
        for queue in QUEUES.values()
        for drink, number in slips_of(queue, each)
    )
    return Round(
        [
            replace(
                slip,
                started=started[slip.name][0] if slip.name in started else None,
                worker=started[slip.name][1] if slip.name in started else None,
                served=served.get(slip.name),
            )
            for slip in slips
        ],
        latest,
    )


def _notes(entries: list[Entry]) -> Iterator[tuple[str, float, dict[bytes, bytes]]]:
    """The slip of each note, how long after the orders it was taken, in seconds, and the note."""
    opened_ms = _ms(entries[0][0])
    for entry_id, fields in entries:
        if b"slip" in fields:
            yield fields[b"slip"].decode(), (_ms(entry_id) - opened_ms) / 1000, fields


def _note(client: redis.Redis, round_id: str, slip: Slip, what: str, worker: str = "") -> None:
    # A round that is forgotten stays so.
    client.xadd(_key(round_id), {"slip": slip.name, what: worker}, nomkstream=True)


def _key(round_id: str) -> str:
    return f"bar:lesson:{round_id}"


def _ms(entry_id: bytes) -> int:
    """The server's time in an entry's id, in milliseconds."""
    return int(entry_id.split(b"-")[0])
