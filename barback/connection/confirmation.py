"""Waiting until what was written is safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barback.connection.script import Command

#: How long a confirmation may take, in milliseconds, unless the caller says.
DEFAULT_TIMEOUT_MS = 2_000

_REPLICAS = re.compile(r"replicas:([1-9][0-9]?)")


@dataclass(frozen=True)
class Confirmation:
    """What has to have happened before a send returns.

    Parameters:
      on_disk: Whether the server must have written and synced its append-only file.
      replicas: How many replicas must have received it.
      timeout_ms: How long to wait for that, in milliseconds.
    """

    on_disk: bool
    replicas: int
    timeout_ms: int

    @classmethod
    def parse(cls, text: str | None, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Confirmation | None:
        """Make a confirmation of ``"disk"`` or ``"replicas:N"``; None asks for none.

        Raises:
          ValueError: When the text is neither.
        """
        if text is None:
            return None
        if text == "disk":
            return cls(on_disk=True, replicas=0, timeout_ms=timeout_ms)
        found = _REPLICAS.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ValueError(f'Expected confirm to be "disk", "replicas:N" or None, got {text!r}.')
        return cls(on_disk=False, replicas=int(found[1]), timeout_ms=timeout_ms)

    @property
    def command(self) -> Command:
        """The command that waits, sent behind what it confirms on the same connection."""
        if self.on_disk:
            return ("WAITAOF", 1, 0, self.timeout_ms)
        return ("WAIT", self.replicas, self.timeout_ms)

    @property
    def what(self) -> str:
        """What was not confirmed, for an error message."""
        where = "on disk" if self.on_disk else f"on {self.replicas} replica(s)"
        return (
            f"Redis did not confirm within {self.timeout_ms / 1000:g} s that the message is "
            f"{where}. It may be in the queue all the same."
        )

    def is_given_by(self, answer: Any) -> bool:
        """Whether the answer to :attr:`command` says that it is safe."""
        if self.on_disk:
            return bool(answer[0] >= 1)
        return bool(answer >= self.replicas)
