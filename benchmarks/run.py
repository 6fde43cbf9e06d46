"""One run of the benchmark: all systems, several times, in turn."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench
from benchmarks.environments import make_environment
from benchmarks.machine import commit, machine_facts
from benchmarks.measure import PARTS
from benchmarks.server import foreign_server, private_server
from benchmarks.summary import deliveries

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from benchmarks.environments import Environment
    from benchmarks.measure import Part
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
        with self._server() as server, tempfile.TemporaryDirectory(prefix="bench-") as directory:
            environments = self._environments()
            started, started_at = time.monotonic(), datetime.now(UTC)
            runs = self._measure(environments, server, Path(directory))
            return {
                "started_at": started_at.isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - started),
                "command": self.plan.command,
                "commit": commit(),
                "repeats": self.plan.repeats,
                "scale": self.plan.scale,
                "machine": machine_facts(),
                "server": server.facts(),
                "failures": self.failures,
                "systems": {
                    system.name: _system_facts(system, environments[system.name])
                    | {"runs": runs[system.name]}
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
        for name in self.plan.parts:
            if PARTS[name].is_due(bench.system, repeat):
                what = f"repeat {repeat + 1} of {self.plan.repeats}: {bench.system.label}, {name}"
                figures |= self._measure_part(bench, PARTS[name], what)
        return figures

    def _measure_part(self, bench: Bench, part: Part, what: str) -> dict[str, Any]:
        started = time.monotonic()
        try:
            with self.console.status(what):
                figures = part.measure(bench)
        except Exception as error:  # noqa: BLE001 - the other systems are still of interest
            self._note_failure(what, str(error), *getattr(error, "__notes__", []))
            return {}
        self.console.print(f"[dim]{what}: {time.monotonic() - started:.1f} s[/dim]")
        sent = deliveries([figures])
        if sent["lost"] or sent["duplicated"]:
            self._note_failure(what, f"{sent['lost']} lost, {sent['duplicated']} run twice")
        return figures

    def _note_failure(self, what: str, reason: str, *details: str) -> None:
        self.failures.append(f"{what}: {reason}")
        self.console.print(f"[red]{what}:[/red]", highlight=False)
        for text in (reason, *details):
            self.console.print(text, markup=False, highlight=False)


def _system_facts(system: System, environment: Environment) -> dict[str, Any]:
    return {
        "label": system.label,
        "settings": system.settings,
        "packages": system.packages,
        "versions": environment.versions(),
        "messages_per_process": system.messages_per_process,
    }
