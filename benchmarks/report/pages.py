"""Writes the charts, the page of results and the key figures of other pages from a result."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.harness.machine import PROJECT_DIR
from benchmarks.report.markdown import key_figures, results_page
from benchmarks.report.result import ReportError, Result

BENCHMARKS_DIR = PROJECT_DIR / "benchmarks"
RESULTS_DIR = BENCHMARKS_DIR / "results"

#: Pages that show the key figures, and their language.
PAGES = {"README.md": "en", "README.zh.md": "zh"}

#: What is between these lines of a page is generated.
BEGIN = "<!-- benchmark: what follows is written by `make bench-report` -->"
END = "<!-- benchmark: end -->"


def newest_result() -> Path:
    """The result that was started last.

    Raises:
      ReportError: When there is none, or a file that is none.
    """
    path = max(
        RESULTS_DIR.glob("*.json"),
        key=lambda each: str(read_result(each).content["started_at"]),
        default=None,
    )
    if path is None:
        raise ReportError("There is no result in benchmarks/results yet. Run `make bench` first.")
    return path


def read_result(path: Path) -> Result:
    try:
        return Result(json.loads(path.read_text()))
    except (ValueError, ReportError) as error:
        raise ReportError(f"{path} is no result of a benchmark: {error}") from None


def pages(result: Result) -> dict[Path, str]:
    """The pages that are made of a result, or have a part that is."""
    # Not at the top: it takes half a second, and most commands draw nothing.
    from benchmarks.report.charts import charts  # noqa: PLC0415

    made = {BENCHMARKS_DIR / "charts" / name: svg for name, svg in charts(result).items()}
    has_growth = any(path.name.startswith("growth") for path in made)
    made[BENCHMARKS_DIR / "RESULTS.md"] = results_page(result, has_growth=has_growth)
    for name, language in PAGES.items():
        path = PROJECT_DIR / name
        figures = key_figures(result, "benchmarks/", language=language)
        made[path] = replace_generated(path.read_text(), figures, name=name)
    return made


def write_report(result: Result) -> list[Path]:
    """Write all that is made of a result; return what was written."""
    made = pages(result)
    for stale in (BENCHMARKS_DIR / "charts").glob("*.svg"):
        stale.unlink()
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return list(made)


def replace_generated(page: str, text: str, *, name: str) -> str:
    """A page with the text between its two marks replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReportError(f"{name} lacks the marks {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
