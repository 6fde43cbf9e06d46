"""How much of a traceback travels with a retry, and is kept with a dead letter."""

from __future__ import annotations

#: The longest, in characters. Its end tells the most.
MAX_TRACEBACK_CHARACTERS = 20_000


def end_of_traceback(text: str) -> str:
    """What is kept of it: an error may have a whole document in it, and messages have a limit."""
    return text[-MAX_TRACEBACK_CHARACTERS:]
