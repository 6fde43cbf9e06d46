"""Which languages there are, and which one is spoken now."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babel import Locale, negotiate_locale

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Language:
    """A language that pages can be read in.

    Parameters:
      code: How cookies, addresses and messages name it: ``zh``.
      tag: How HTML names it: ``zh-Hans``.
      name: How those who speak it name it.
      locale: Its plural forms, and how it writes numbers and dates.
    """

    code: str
    tag: str
    name: str
    locale: Locale


ENGLISH = Language("en", "en", "English", Locale("en", "GB"))
CHINESE = Language("zh", "zh-Hans", "中文", Locale("zh", "CN", script="Hans"))

#: By code.
LANGUAGES = {each.code: each for each in (ENGLISH, CHINESE)}

#: No browser names more languages; whoever does has something else in mind.
_MAX_PREFERENCES = 20

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def language() -> Language:
    """The language that is spoken now, in this task or thread."""
    return _current.get()


@contextlib.contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Speak a language inside of the ``with`` block, tasks and threads of it included."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def negotiate(accept_language: str) -> Language:
    """The language that a browser prefers among those there are, or else English.

    Parameters:
      accept_language: Its header, such as ``zh-CN,zh;q=0.9,en;q=0.8``. What cannot be read in it
        is passed over.
    """
    ranges = [_range(text) for text in accept_language.split(",")[:_MAX_PREFERENCES]]
    wanted = [tag for tag, quality in sorted(ranges, key=lambda each: -each[1]) if quality > 0]
    code = negotiate_locale(wanted, LANGUAGES, sep="-")
    return LANGUAGES[code] if code else ENGLISH


def _range(text: str) -> tuple[str, float]:
    """``zh-CN;q=0.9`` in its parts."""
    tag, _, parameter = text.partition(";")
    name, _, value = parameter.partition("=")
    try:
        quality = float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        quality = 0.0
    return tag.strip(), quality
