"""What the harness knows of a system that it measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Command = list[str]


class UnusableSystem(Exception):  # noqa: N818 - it says what is wrong
    """A system cannot be measured."""


@dataclass(frozen=True)
class System:
    """A task queue under test, as ``systems/catalog.toml`` describes it.

    Parameters:
      environment: The virtual environment, unless it has one of its own name.
      checkout: Another checkout of this repository, whose ``barback`` it is to use.
    """

    name: str
    label: str
    app: str
    command: str
    requirements: Sequence[str]
    packages: Sequence[str]
    messages_per_process: int
    loop_messages: int | None = None
    note: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    checkout: Path | None = None

    @property
    def module(self) -> str:
        return f"benchmarks.systems.{self.app}"

    def worker_commands(self, processes: int) -> list[Command]:
        command = self.command.format(processes=processes).split()
        return [command] if "{" in self.command else [command] * processes

    def settings(self) -> str:
        """How its workers run, for people."""
        command = f"`{self.command.format(processes='N')}`"
        times = "" if "{" in self.command else "N times "
        return f"{times}{command}" + (f" ({self.note})" if self.note else "")
