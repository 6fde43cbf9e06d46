"""The account of a fault test: what was promised to the producer, and what was done."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Entry:
    event: str
    job_id: str
    pid: int
    at: float


class Ledger:
    """Reads the file that the actors append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        #: The jobs whose messages Redis has acknowledged to the producer.
        self.promised: set[str] = set()
        self.fault_at = 0.0

    def entries(self, event: str) -> list[Entry]:
        # The last line may be on its way into the file.
        whole_lines = self.path.read_text().rpartition("\n")[0].splitlines()
        fields = (line.split() for line in whole_lines)
        return [
            Entry(kind, job_id, int(pid), float(at))
            for kind, job_id, pid, at in fields
            if kind == event
        ]

    def started(self) -> Counter[str]:
        """How often each job was started."""
        return Counter(entry.job_id for entry in self.entries("start"))

    def done(self) -> Counter[str]:
        """How often each job took effect."""
        return Counter(entry.job_id for entry in self.entries("effect"))

    def pid_of(self, job_id: str) -> int:
        """The process that has last started a job."""
        return [entry.pid for entry in self.entries("start") if entry.job_id == job_id][-1]

    def note_fault(self) -> None:
        """The fault happens now; recovery is counted from here."""
        self.fault_at = time.monotonic()

    def missing(self, *, dead: int = 0) -> set[str]:
        """The promised jobs that are neither done nor, as so many are, dead letters."""
        missing = self.promised - set(self.done())
        return set() if len(missing) <= dead else missing

    def report(self, *, dead: int = 0) -> str:
        """One line for a person, which says what became of everything."""
        done = self.done()
        duplicated = sum(1 for job_id in self.promised if done[job_id] > 1)
        lost = len(self.promised - set(done)) - dead
        last = max((entry.at for entry in self.entries("effect")), default=self.fault_at)
        return (
            f"promised {len(self.promised)}, lost {lost}, duplicated {duplicated}, "
            f"dead letters {dead}, last effect {last - self.fault_at:.1f} s after the fault"
        )
