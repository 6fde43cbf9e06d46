"""Dead letters: messages that were given up, with the reason."""

from barback.dead_letters.letter import DeadLetter
from barback.dead_letters.letters import DeadLetters

__all__ = ["DeadLetter", "DeadLetters"]
