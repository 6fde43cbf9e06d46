"""What the workers have recorded: see :mod:`benchmarks.harness.recorder`."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.waiting import wait_until

_RECORD_BYTES = 24


class Record(NamedTuple):
    """One run of a message. Times are of the machine's monotonic clock."""

    pid: int
    message_id: int
    sent_ns: int
    started_ns: int

    @property
    def wait_ms(self) -> float:
        return (self.started_ns - self.sent_ns) / 1e6


@dataclass(frozen=True)
class Delivery:
    """Whether each message was run once."""

    sent: int = 0
    lost: int = 0
    duplicated: int = 0

    def __add__(self, other: Delivery) -> Delivery:
        return Delivery(
            self.sent + other.sent, self.lost + other.lost, self.duplicated + other.duplicated
        )


@dataclass(frozen=True)
class Records:
    """The records of some workers, in a directory of their own."""

    directory: Path

    def count(self) -> int:
        """How many there are, at the price of a few `stat` calls."""
        return sum(path.stat().st_size for path in self._paths()) // _RECORD_BYTES

    def pids(self) -> set[int]:
        """The processes that have run anything."""
        return {int(path.stem) for path in self._paths()}

    def of(self, message_ids: range) -> list[Record]:
        """The records of some messages, in the order of their start."""
        found = (each for each in self._read() if each.message_id in message_ids)
        return sorted(found, key=lambda record: record.started_ns)

    def wait_for(self, message_ids: range, *, seconds: float) -> list[Record]:
        """Wait until each of some messages has been run."""
        wait_until(
            lambda: self.count() >= len(message_ids) and not self.delivery(message_ids).lost,
            seconds=seconds,
            what=f"Running {len(message_ids):,} messages",
        )
        return self.of(message_ids)

    def delivery(self, message_ids: range) -> Delivery:
        runs = [record.message_id for record in self.of(message_ids)]
        distinct = len(set(runs))
        return Delivery(len(message_ids), len(message_ids) - distinct, len(runs) - distinct)

    def _read(self) -> Iterator[Record]:
        for path in self._paths():
            pid = int(path.stem)
            numbers = array("q")
            content = path.read_bytes()
            numbers.frombytes(content[: len(content) // _RECORD_BYTES * _RECORD_BYTES])
            for at in range(0, len(numbers), 3):
                yield Record(pid, *numbers[at : at + 3])

    def _paths(self) -> Iterator[Path]:
        return self.directory.glob("*.records")
