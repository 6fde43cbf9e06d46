"""How ended messages are remembered."""

from __future__ import annotations

#: How long a cancelled message is remembered, in milliseconds: a week.
KEEP_MS = 7 * 86_400_000

#: How many ended messages of a queue are remembered at the most, unless told otherwise.
KEEP_COUNT = 10_000
