"""The ids of entries in Redis.

Dramatiq's id of a message stays the same through its retries, and a message may be sent twice, so
each entry has an id of its own: 16 letters and digits, of which the first four are those of
Dramatiq's id and the others are random. Whoever looks for a message by Dramatiq's id, or by the
beginning of either, has Redis look for these four, and reads what is left. The retries of an entry
are numbered, ``….1``, ``….2``, so that the id that was given out first leads to all of them. A
priority other than 0 stands before it: ``5:…``.
"""

from __future__ import annotations

import os
import re
from binascii import b2a_base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many characters of Dramatiq's id an entry's begins with. With a million entries, some 15 have
#: the same.
STEM_LENGTH = 4

#: How long an id is at the least.
ID_LENGTH = 16

#: How far a priority may be from 0. Each one in use is a list of its own.
MAX_PRIORITY = 99

_OWN_ID = re.compile(r"(?:-?\d{1,2}:)?([A-Za-z0-9]{16})(?:\.(\d{1,9}))?")

#: Two letters take the place of the two characters of base64 that shells and URLs mistake.
_LETTERS_AND_DIGITS = bytes.maketrans(b"+/", b"Az")


def is_priority(value: object) -> bool:
    """Whether a message may have this as its priority."""
    return not value or (isinstance(value, int) and abs(value) <= MAX_PRIORITY)


def new_id(message_id: str, priority: int = 0, *, digits: str | None = None) -> str:
    """An id for an entry. Each id is stored three times, so each character counts; stock's UUIDs
    have 36.

    Parameters:
      message_id: Dramatiq's id of the message.
      priority: Its priority.
      digits: One of :func:`random_digits`, where there are some.
    """
    if digits is None:
        digits = _random_text(1)
    stem = message_id[:STEM_LENGTH]
    if len(stem) == STEM_LENGTH and stem.isascii() and stem.isalnum():
        digits = stem + digits[STEM_LENGTH:]
    return f"{priority}:{digits}" if priority else digits


def random_digits(count: int) -> Iterator[str]:
    """Random letters and digits for so many ids, made in one step."""
    text = _random_text(count)
    return (text[start : start + ID_LENGTH] for start in range(0, len(text), ID_LENGTH))


def next_id(redis_id: str, priority: int = 0) -> str | None:
    """The id for the entry of a retry; None where the id of what is retried is none of ours."""
    own = _OWN_ID.fullmatch(redis_id)
    if own is None:
        return None
    digits = f"{own[1]}.{int(own[2] or 0) + 1}"
    return f"{priority}:{digits}" if priority else digits


def root_of(redis_id: str) -> str | None:
    """What the ids of an entry and of all of its retries have in common; None where the id is none
    of ours.
    """
    own = _OWN_ID.fullmatch(redis_id)
    return own and own[1]


def is_retry(redis_id: str) -> bool:
    """Whether an id is that of a retry of ours."""
    own = _OWN_ID.fullmatch(redis_id)
    return own is not None and own[2] is not None


def without_priority(redis_id: str) -> str:
    """An id, or its beginning, without the priority before it."""
    return re.sub(r"^-?\d{1,2}:", "", redis_id)


def _random_text(id_count: int) -> str:
    # Four characters for each three bytes.
    random = b2a_base64(os.urandom(id_count * ID_LENGTH * 3 // 4), newline=False)
    return random.translate(_LETTERS_AND_DIGITS).decode()
