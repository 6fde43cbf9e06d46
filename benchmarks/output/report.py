"""Writes the chart and the generated parts of the READMEs anew from a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.environments import PROJECT_DIR
from benchmarks.output.chart import chart
from benchmarks.output.markdown import full_report, short_report

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.summary import Summary

RESULTS_DIR = PROJECT_DIR / "benchmarks" / "results"
CHART_PATH = PROJECT_DIR / "benchmarks" / "chart.svg"

#: What is between these lines in a README is generated.
BEGIN = "<!-- benchmark: what follows is written by `make bench-report` -->"
END = "<!-- benchmark: end -->"


class ReportError(Exception):
    """The report cannot be written."""


def newest_result() -> Path:
    def started_at(path: Path) -> str:
        return str(read_result(path)["started_at"])

    path = max(RESULTS_DIR.glob("*.json"), key=started_at, default=None)
    if path is None:
        raise ReportError("There is no result in benchmarks/results yet. Run `make bench` first.")
    return path


def read_result(path: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise ReportError(f"{path} is no result of a benchmark: {error}") from None
    if not isinstance(result, dict) or "systems" not in result:
        raise ReportError(f"{path} is no result of a benchmark: it has no systems.")
    return result


def write_report(summary: Summary) -> list[Path]:
    """Write all that is made of a result; return what was written."""
    readmes = {
        PROJECT_DIR / "README.md": short_report(summary, "benchmarks/chart.svg"),
        PROJECT_DIR / "benchmarks" / "README.md": full_report(summary, "chart.svg"),
    }
    pages = {
        path: replace_generated(path.read_text(), text, name=str(path.relative_to(PROJECT_DIR)))
        for path, text in readmes.items()
    }
    for path, page in pages.items():
        path.write_text(page)
    CHART_PATH.write_text(chart(summary))
    return [*readmes, CHART_PATH]


def replace_generated(page: str, text: str, *, name: str) -> str:
    """A page with the text between its two marks replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReportError(f"{name} lacks the marks {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
