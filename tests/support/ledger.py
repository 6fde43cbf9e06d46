"""What happened, and how often: printed for the reader of a test's output (``pytest -rA``)."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_ledger(entries: Iterable[str]) -> None:
    for entry, count in sorted(Counter(entries).items()):
        sys.stdout.write(f"{entry}    {count}\n")
