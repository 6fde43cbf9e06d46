"""Reads and applies searches: ``actor:serve_a_beer error:*Timeout* args.order_id:42 keg``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from barback.board.shown import arguments_of, as_json, redacted
from barback.board.texts import gettext as _
from barback.printable import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from barback.board.shown import Redact

#: What every message can be searched by, besides ``args.…``.
FIELDS = ("actor", "id", "error")

#: How much of an argument a bare word is looked for in, in characters.
_SEARCHED_CHARACTERS = 10_000


class Searchable(Protocol):
    """A message that is looked at."""

    @property
    def id(self) -> str: ...

    @property
    def actor_name(self) -> str | None: ...

    @property
    def error(self) -> str | None: ...

    @property
    def fields(self) -> dict[str, Any] | None: ...


class BadQuery(ValueError):  # noqa: N818 - it names what is wrong
    """A search that cannot be understood."""


@dataclass(frozen=True)
class Query:
    """What somebody searches.

    Parameters:
      conditions: Fields, or paths into the arguments, with the pattern that each has to match.
      words: What has to occur in the id, the error or the arguments.
      exact: What messages of this kind can be searched by besides, and how each tells it.
    """

    conditions: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    exact: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, exact: Mapping[str, Callable[[Any], str]]) -> Query:
        """Read a search.

        Raises:
          BadQuery: When it names an unknown field, or a quotation does not end.
        """
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise _unreadable(error) from None
        if visible(text) != text:  # a page cannot hold it, and its forms would seek another
            raise _unreadable("it has control characters")
        query, known = cls(exact=exact), (*FIELDS, *exact)
        for part in parts:
            name, colon, pattern = part.partition(":")
            if colon and (name in known or name.startswith("args.")):
                query.conditions.append((name, pattern))
            elif colon and name.isidentifier():
                raise BadQuery(
                    _(
                        "Nothing is called %(name)s. Search by %(fields)s or args.NAME, or put the "
                        "words in quotation marks without a colon.",
                        name=repr(name),
                        fields=", ".join(known),
                    )
                )
            else:
                query.words.append(part.casefold())
        return query

    def matches(self, message: Searchable, redact: Redact) -> bool:
        return all(self._matches(message, *each, redact) for each in self.conditions) and (
            not self.words or _has_words(message, self.words, redact)
        )

    def _matches(self, message: Searchable, name: str, pattern: str, redact: Redact) -> bool:
        if name in self.exact:
            return self.exact[name](message) == pattern
        match name:
            case "actor":
                return fnmatchcase(message.actor_name or "", pattern)
            case "id":
                return any(each.startswith(pattern) for each in _ids(message))
            case "error":
                error = message.error or ""
                return pattern.casefold() in error.casefold() or fnmatchcase(error, pattern)
            case _:
                return any(
                    value == pattern or fnmatchcase(value, pattern)
                    for value in _values_at(message, name.split(".")[1:], redact)
                )


def _ids(message: Searchable) -> Iterator[str]:
    """That of its entry in Redis, and Dramatiq's."""
    yield message.id
    if message.fields is not None:
        yield message.fields["message_id"]


def _values_at(message: Searchable, path: list[str], redact: Redact) -> Iterator[str]:
    """What stands at ``args.path``, as the page shows it: in a keyword argument, or in a positional
    one by number.
    """
    if message.fields is None:
        return
    args, kwargs = redacted(message.fields, redact)
    value: Any = {**{str(number): each for number, each in enumerate(args)}, **kwargs}
    for step in path:
        if isinstance(value, list):
            value = {str(number): each for number, each in enumerate(value)}
        if not isinstance(value, dict) or step not in value:
            return
        value = value[step]
    yield value if isinstance(value, str) else as_json(value)


def _has_words(message: Searchable, words: list[str], redact: Redact) -> bool:
    fields = message.fields
    arguments = arguments_of(fields, redact, _SEARCHED_CHARACTERS) if fields else ""
    text = "\n".join((*_ids(message), message.actor_name or "", message.error or "", arguments))
    folded = text.casefold()
    return all(word in folded for word in words)


def _unreadable(reason: object) -> BadQuery:
    return BadQuery(_("The search cannot be read: %(reason)s.", reason=reason))
