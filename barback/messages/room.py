"""How much room a message has under its limit."""

from __future__ import annotations

from typing import NamedTuple


class Room(NamedTuple):
    """How much room there is under a limit.

    Parameters:
      key: The key of the limit.
      at_once: How many messages may run at once under that key; 0: any number.
      rate: How many may start within `rate_ms` milliseconds; 0: any number.
      rate_ms: See `rate`.
    """

    key: str
    at_once: int
    rate: int
    rate_ms: int


#: No limit.
ANY_ROOM = Room("", 0, 0, 0)
