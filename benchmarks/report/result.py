"""A result, as its readers ask for it."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.parts.part import BARBACK, Figure


class ReportError(Exception):
    """The report cannot be written."""


class Kept(NamedTuple):
    """What a result keeps of a figure: the middle and the range of the repeats."""

    middle: float
    low: float
    high: float
    samples: int


class Result:
    """A result, of the form that :class:`benchmarks.harness.run.Run` makes.

    Raises:
      ReportError: When it is of another form.
    """

    def __init__(self, content: Any) -> None:
        try:
            systems: dict[str, dict[str, Any]] = content["systems"]
            self.systems = {name: each for name, each in systems.items() if each["figures"]}
        except (TypeError, KeyError, AttributeError) as error:
            raise ReportError(f"it lacks {error}.") from None
        self.content: dict[str, Any] = content

    def label(self, name: str) -> str:
        return str(self.systems[name]["label"])

    def figure(self, name: str, figure: Figure) -> Kept | str | None:
        """What is kept of a system's figure: numbers, why there are none, or nothing."""
        kept = self.systems[name]["figures"].get(figure.name) if name in self.systems else None
        return Kept(*kept) if isinstance(kept, list) else kept

    def kept(self, figure: Figure) -> dict[str, Kept]:
        """The systems that have the figure, and their numbers."""
        found = {name: self.figure(name, figure) for name in self.systems}
        return {name: each for name, each in found.items() if isinstance(each, Kept)}

    def best_other(self, figure: Figure) -> str | None:
        """The name of the best of all systems that are not Barback."""
        others = {name: each for name, each in self.kept(figure).items() if name not in BARBACK}
        choose = min if figure.less_is_better else max
        return choose(others, key=lambda name: others[name].middle, default=None)

    def times_as_good(self, figure: Figure, other: str | None) -> float | None:
        """How many times as good as another system ours is: above 1, it is better."""
        kept = self.kept(figure)
        if not figure.is_comparable or "ours" not in kept or other not in kept:
            return None
        ours, theirs = kept["ours"].middle, kept[other].middle
        better, worse = (theirs, ours) if figure.less_is_better else (ours, theirs)
        return better / worse if worse else None
