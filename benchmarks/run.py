"""One run of the benchmark: all systems, several times, in turn."""

from __future__ import annotations

import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench
from benchmarks.environments import make_environment
from benchmarks.machine import commit, machine_facts
from benchmarks.measure import PARTS
from benchmarks.server import foreign_server, private_server

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.environments import Environment
    from benchmarks.server import Server
    from benchmarks.system import System


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    systems: list[System]
    parts: list[str]
    repeats: int
    scale: float
    redis_url: str | None
    persistence: str
    upgrade: bool
    cache_dir: Path
    command: str


@dataclass
class Run:
    """Measures by a plan, and collects the result.

    Repeats are interleaved (A B C A B C …), so that a machine that gets slower in the meantime
    does so for all systems.
    """

    plan: Plan
    console: Console
    failures: list[str] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        environments = self._environments()
        started, started_at = time.monotonic(), datetime.now(UTC)
        with tempfile.TemporaryDirectory(prefix="bench-") as directory, self._server() as server:
            runs = self._measure(environments, server, Path(directory))
            server_facts = server.facts()
        return {
            "started_at": started_at.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started),
            "command": self.plan.command,
            "commit": commit(),
            "repeats": self.plan.repeats,
            "scale": self.plan.scale,
            "machine": machine_facts(),
            "server": server_facts,
            "failures": self.failures,
            "systems": {
                system.name: {
                    "label": system.label,
                    "settings": system.settings,
                    "versions": _versions(system, environments[system.name]),
                    "runs": runs[system.name],
                }
                for system in self.plan.systems
            },
        }

    def _environments(self) -> dict[str, Environment]:
        environments = {}
        for system in self.plan.systems:
            with self.console.status(f"Installing {system.label} …"):
                environments[system.name] = make_environment(
                    system, self.plan.cache_dir, upgrade=self.plan.upgrade
                )
        return environments

    def _server(self) -> AbstractContextManager[Server]:
        if self.plan.redis_url is not None:
            return foreign_server(self.plan.redis_url)
        return private_server(self.plan.persistence)

    def _measure(
        self, environments: dict[str, Environment], server: Server, directory: Path
    ) -> dict[str, list[dict[str, Any]]]:
        runs: dict[str, list[dict[str, Any]]] = {system.name: [] for system in self.plan.systems}
        for repeat in range(self.plan.repeats):
            for system in self.plan.systems:
                its_directory = directory / f"{repeat}-{system.name}"
                its_directory.mkdir()
                bench = Bench(
                    system, environments[system.name], server, its_directory, self.plan.scale
                )
                runs[system.name].append(self._measure_once(bench, repeat))
        return runs

    def _measure_once(self, bench: Bench, repeat: int) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for part in self.plan.parts:
            what = f"repeat {repeat + 1} of {self.plan.repeats}: {bench.system.label}, {part}"
            with self.console.status(what):
                started = time.monotonic()
                try:
                    figures |= PARTS[part](bench)
                except Exception as error:  # noqa: BLE001 - the other systems are still of interest
                    self._note_failure(what, error)
                else:
                    self.console.print(f"[dim]{what}: {time.monotonic() - started:.1f} s[/dim]")
        return figures

    def _note_failure(self, what: str, error: Exception) -> None:
        details = "\n".join(getattr(error, "__notes__", []))
        self.failures.append(f"{what}: {error}")
        self.console.print(f"[red]{what}: {error}[/red]\n{details}", highlight=False)


def _versions(system: System, environment: Environment) -> dict[str, str]:
    versions = environment.versions()
    return {name: versions[name] for name in sorted(versions, key=str.lower)} | {
        name: versions[name] for name in system.packages
    }
