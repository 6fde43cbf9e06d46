"""Scripts that run inside Redis, and the commands that run them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Argument = str | bytes | int | float
Command = tuple[Argument, ...]


@dataclass(frozen=True)
class Script:
    """A script.

    Parameters:
      source: The script itself.
      sha: The digest by which Redis knows it once it is loaded.
      key_type: Tells which type a key should have, as the command ``TYPE`` names it.
    """

    source: bytes
    sha: str
    key_type: Callable[[str], str]

    def by_sha(self, keys: Sequence[str], args: Iterable[Argument] = ()) -> Command:
        """The command that runs the script where Redis has loaded it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *args)

    def by_source(self, keys: Sequence[str], args: Iterable[Argument] = ()) -> Command:
        """The command that runs the script whether or not Redis has loaded it. Its source travels
        along, which is worth it where there are many arguments and no second try.
        """
        return ("EVAL", self.source, len(keys), *keys, *args)
