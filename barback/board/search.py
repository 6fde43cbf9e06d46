"""Searches dead letters: ``actor:serve_a_beer error:*Timeout* args.order_id:42 keg``."""

from __future__ import annotations

import hashlib
import heapq
import re
import shlex
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any

from barback.board.shown import arguments_of, redacted
from barback.board.texts import gettext as _
from barback.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barback.board.shown import Redact
    from barback.dead_letters import DeadLetter
    from barback.store.store import HasStore

#: How many dead letters are looked at for a search, the latest first.
MAX_SEARCHED = 100_000

#: How long a search may take, in seconds. What it has found by then is shown.
MAX_SECONDS = 10.0

#: What may be searched, besides ``args.…``.
FIELDS = ("actor", "id", "error", "reason", "fault")

#: What tells two occurrences of the same fault apart: numbers, and ids that contain some.
_PARTICULARS = re.compile(r"0x[0-9a-f]+|[0-9a-f]*\d[0-9a-f]*", re.IGNORECASE)

#: How much of an argument a bare word is looked for in, in characters.
_SEARCHED_CHARACTERS = 10_000


class BadQuery(ValueError):  # noqa: N818 - it names what is wrong
    """A search that cannot be understood."""


@dataclass(frozen=True)
class Query:
    """What somebody searches.

    Parameters:
      conditions: Fields, or paths into the arguments, with the pattern that each has to match.
      words: What has to occur in the id, the error or the arguments.
    """

    conditions: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a search.

        Raises:
          BadQuery: When it names an unknown field, or a quotation does not end.
        """
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise BadQuery(_("The search cannot be read: %(reason)s.", reason=error)) from None
        query = cls()
        for part in parts:
            name, colon, pattern = part.partition(":")
            if colon and (name in FIELDS or name.startswith("args.")):
                query.conditions.append((name, pattern))
            elif colon and name.isidentifier():
                raise BadQuery(
                    _(
                        "Nothing is called %(name)s. Search by %(fields)s or args.NAME, or put the "
                        "words in quotation marks without a colon.",
                        name=repr(name),
                        fields=", ".join(FIELDS),
                    )
                )
            else:
                query.words.append(part.casefold())
        return query

    def matches(self, letter: DeadLetter, redact: Redact) -> bool:
        return all(_matches(letter, *each, redact) for each in self.conditions) and (
            not self.words or _has_words(letter, self.words, redact)
        )


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
      letters: A page of those that match, the latest first.
      matched: How many match.
      searched: How many were looked at.
      total: How many there are.
      groups: Those that match by fault, the largest group first.
    """

    letters: list[DeadLetter]
    matched: int
    searched: int
    total: int
    groups: list[Group]


def search(
    broker: HasStore,
    queue_names: Sequence[str],
    query: Query,
    redact: Redact,
    *,
    at_most: int,
    offset: int,
    page_size: int,
) -> Found:
    """Look through the dead letters of some queues, for ten seconds at the most."""
    deadline = time.monotonic() + MAX_SECONDS
    letters: list[DeadLetter] = []
    groups: dict[tuple[str, str], Group] = {}
    matched = searched = 0
    for letter in islice(latest(broker, queue_names), at_most):
        searched += 1
        if searched % 1000 == 0 and time.monotonic() > deadline:
            break
        if not query.matches(letter, redact):
            continue
        if offset <= matched < offset + page_size:
            letters.append(letter)
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


def _matches(letter: DeadLetter, name: str, pattern: str, redact: Redact) -> bool:
    match name:
        case "actor":
            return fnmatchcase(letter.actor_name or "", pattern)
        case "id":
            return letter.id.startswith(pattern)
        case "error":
            return pattern.casefold() in (letter.error or "").casefold() or fnmatchcase(
                letter.error or "", pattern
            )
        case "reason":
            return letter.reason == pattern
        case "fault":
            return fault_of(letter) == pattern
        case _:
            return any(
                fnmatchcase(value, pattern)
                for value in _values_at(letter, name.split(".")[1:], redact)
            )


def _values_at(letter: DeadLetter, path: list[str], redact: Redact) -> Iterator[str]:
    """What stands at ``args.path``: in a keyword argument, or in a positional one by number."""
    if letter.fields is None:
        return
    args, kwargs = redacted(letter.fields, redact)
    value: Any = {**{str(number): each for number, each in enumerate(args)}, **kwargs}
    for step in path:
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return
    yield str(value)


def _has_words(letter: DeadLetter, words: list[str], redact: Redact) -> bool:
    arguments = arguments_of(letter.fields, redact, _SEARCHED_CHARACTERS) if letter.fields else ""
    text = "\n".join((letter.id, letter.actor_name or "", letter.error or "", arguments))
    return all(word in text.casefold() for word in words)
