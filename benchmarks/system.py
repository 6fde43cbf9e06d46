"""What the harness knows of a system that it measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Command = list[str]

#: The threads of a worker process, or what a system has in their place.
THREADS = 8


@dataclass(frozen=True)
class System:
    """A task queue under test.

    Parameters:
      name: Its package in :mod:`benchmarks.systems`.
      label: What people call it.
      packages: The distributions whose versions matter to a reader.
      worker_commands: The command lines that make so many worker processes.
      settings: How its worker runs, in words.
      messages_per_process: How many messages a worker process is to drain: some seconds' worth.
      loop_messages: How many of them are sent one by one, where its producer can ``send_many`` and
        sends the rest in bulk.
    """

    name: str
    label: str
    packages: tuple[str, ...]
    worker_commands: Callable[[int], list[Command]]
    settings: str
    messages_per_process: int
    loop_messages: int | None = None

    @property
    def module(self) -> str:
        return f"benchmarks.systems.{self.name}"
