"""Searches dead letters, and puts those of the same fault together."""

from __future__ import annotations

import hashlib
import heapq
import re
import time
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from barback.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from barback.board.query import Query
    from barback.board.shown import Redact
    from barback.dead_letters import DeadLetter
    from barback.store.store import HasStore

#: How many dead letters are looked at for a search, the latest first.
MAX_SEARCHED = 100_000

#: How long a search may take, in seconds. What it has found by then is shown.
MAX_SECONDS = 10.0

#: What tells two occurrences of the same fault apart: numbers, and ids that contain some.
_PARTICULARS = re.compile(r"0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f]*", re.IGNORECASE)


@dataclass
class Group:
    """Dead letters of one actor with the same fault.

    Parameters:
      fault: What ``fault:…`` finds them by.
      queue_name: The queue.
      actor_name: The actor, or None when the payload is no message.
      error: The error of the latest.
      count: How many there are.
      latest_at: When the latest died, as a Unix time in seconds.
    """

    fault: str
    queue_name: str
    actor_name: str | None
    error: str | None
    count: int
    latest_at: float


@dataclass(frozen=True)
class Found:
    """The outcome of a search.

    Parameters:
      letters: A page of those that match, the latest first, as they are to be listed.
      matched: How many match.
      searched: How many were looked at.
      total: How many there are.
      groups: Those that match by fault, the largest group first.
    """

    letters: list[dict[str, Any]]
    matched: int
    searched: int
    total: int
    groups: list[Group]


def search(
    broker: HasStore,
    queue_names: Sequence[str],
    query: Query,
    redact: Redact,
    listed: Callable[[DeadLetter], dict[str, Any]],
    *,
    at_most: int,
    offset: int,
    page_size: int,
) -> Found:
    """Look through the dead letters of some queues, for ten seconds at the most."""
    deadline = time.monotonic() + MAX_SECONDS
    letters: list[dict[str, Any]] = []
    groups: dict[tuple[str, str], Group] = {}
    matched = searched = 0
    for letter in islice(latest(broker, queue_names), at_most):
        if time.monotonic() > deadline:
            break
        searched += 1
        if not query.matches(letter, redact):
            continue
        if offset <= matched < offset + page_size:
            letters.append(listed(letter))  # they may be large
        matched += 1
        _add(groups, letter)
    total = sum(len(DeadLetters(broker, name)) for name in queue_names)
    in_order = sorted(groups.values(), key=lambda group: -group.count)
    return Found(letters, matched, searched, total, in_order)


def latest(broker: HasStore, queue_names: Sequence[str]) -> Iterator[DeadLetter]:
    """The dead letters of some queues, the latest of all first."""
    each = (iter(DeadLetters(broker, name)) for name in queue_names)
    return heapq.merge(*each, key=lambda letter: -letter.died_at)


def fault_of(letter: DeadLetter) -> str:
    """What is the same for dead letters that differ in particulars alone."""
    error = _PARTICULARS.sub("#", (letter.error or letter.reason)[:500])
    text = f"{letter.actor_name}\0{error}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:10]


def _add(groups: dict[tuple[str, str], Group], letter: DeadLetter) -> None:
    fault = fault_of(letter)
    group = groups.get((letter.queue_name, fault))
    if group is not None:
        group.count += 1
        return
    groups[letter.queue_name, fault] = Group(
        fault, letter.queue_name, letter.actor_name, letter.error, 1, letter.died_at
    )


#: What dead letters can be searched by besides.
DEAD_FIELDS: dict[str, Callable[[DeadLetter], str]] = {
    "reason": attrgetter("reason"),
    "fault": fault_of,
}
