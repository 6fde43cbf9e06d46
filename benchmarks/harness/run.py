"""One run of the benchmark: all systems, several times, in turn."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.harness.bench import Bench
from benchmarks.harness.environments import make_environment
from benchmarks.harness.machine import PROJECT_DIR, commit_of, machine_facts
from benchmarks.harness.server import NO_PERSISTENCE, Server, foreign_server, private_server
from benchmarks.harness.system import System
from benchmarks.parts.part import Measurements, Part


@dataclass
class Run:
    """Measures, and collects the result.

    In each repeat, and for each part, all systems come in turn, so that a machine that gets slower
    in the meantime does so for all of them.
    """

    console: Console
    systems: list[System]
    parts: list[Part]
    repeats: int
    quick: bool
    redis_url: str | None
    upgrade: bool
    command: str
    failures: list[str] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        url = self.redis_url
        with (
            foreign_server(url) if url else private_server(NO_PERSISTENCE) as server,
            tempfile.TemporaryDirectory(prefix="bench-") as directory,
        ):
            benches = [self._bench(each, server, Path(directory)) for each in self.systems]
            started, started_at = time.monotonic(), datetime.now(UTC)
            repeats = self._measure(benches)
            return {
                "started_at": started_at.isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - started),
                "command": self.command,
                "commit": commit_of(PROJECT_DIR),
                "repeats": self.repeats,
                "quick": self.quick,
                "machine": machine_facts(),
                "server": server.facts(),
                "failures": self.failures,
                "systems": {
                    bench.system.name: self._summary(bench, repeats[bench.system.name])
                    for bench in benches
                },
            }

    def _bench(self, system: System, server: Server, directory: Path) -> Bench:
        with self.console.status(f"Installing {system.label} …"):
            environment = make_environment(system, upgrade=self.upgrade)
        its_directory = directory / system.name
        its_directory.mkdir()
        return Bench(system, environment, server, its_directory, is_quick=self.quick)

    def _measure(self, benches: list[Bench]) -> dict[str, list[Measurements]]:
        found: defaultdict[str, list[Measurements]] = defaultdict(list)
        for repeat in range(self.repeats):
            for part in self.parts:
                for bench in benches:
                    is_for_it = not part.systems or bench.system.name in part.systems
                    if is_for_it and not (part.once and repeat):
                        what = f"{part.name}, {bench.system.label}, repeat {repeat + 1}"
                        found[bench.system.name].append(self._measure_part(bench, part, what))
        return found

    def _measure_part(self, bench: Bench, part: Part, what: str) -> Measurements:
        started, before = time.monotonic(), bench.delivery
        try:
            with self.console.status(what):
                measured = part.measure(bench)
        except Exception as error:  # noqa: BLE001 - the other systems are still of interest
            self._note_failure(what, str(error), *getattr(error, "__notes__", []))
            return {}
        self.console.print(f"[dim]{what}: {time.monotonic() - started:.1f} s[/dim]")
        lost = bench.delivery.lost - before.lost
        duplicated = bench.delivery.duplicated - before.duplicated
        if lost or duplicated:
            self._note_failure(what, f"{lost} lost, {duplicated} run twice")
        return measured

    def _note_failure(self, what: str, reason: str, *details: str) -> None:
        self.failures.append(f"{what}: {(reason.strip() or 'failed').splitlines()[-1]}")
        for text in (f"{what}:", reason, *details):
            self.console.print(text, style="red", markup=False, highlight=False)

    def _summary(self, bench: Bench, repeats: list[Measurements]) -> dict[str, Any]:
        system, versions = bench.system, bench.environment.versions()
        figures = (figure for part in self.parts for figure in part.figures)
        found = {figure.name: figure.condense(repeats) for figure in figures}
        return {
            "label": system.label,
            "settings": system.settings(),
            "versions": {name: versions[name] for name in system.packages},
            "messages_per_process": system.messages_per_process,
            "delivery": asdict(bench.delivery),
            "figures": {name: kept for name, kept in found.items() if kept is not None},
        }
