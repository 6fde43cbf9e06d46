"""The results as Markdown, for the two READMEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.goals import goals
from benchmarks.output.numbers import delivery_text, median_text, range_text
from benchmarks.output.single import single_figures
from benchmarks.summary import FIGURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.summary import Figure, Summary


_CHART_TEXT = (
    "Bars for each system: messages per second with one and with two worker processes, "
    "and the wait for an idle worker"
)


def short_report(summary: Summary, chart_path: str) -> str:
    """For the project's README: medians, what Barback alone has, and the conditions."""
    return "\n\n".join(
        [_picture(chart_path), _medians(summary), _single(summary), _conditions(summary)]
    )


def full_report(summary: Summary, chart_path: str) -> str:
    """For the benchmark's README: besides, ranges, goals, settings and versions."""
    return "\n\n".join(
        [
            _picture(chart_path),
            _conditions(summary),
            "### Medians",
            _medians(summary),
            "### Medians and ranges",
            _ranges(summary),
            "### Barback alone",
            _single(summary),
            "### Goals",
            _goals(summary),
            "### How each worker ran",
            _settings(summary),
        ]
    )


def _picture(chart_path: str) -> str:
    return f"![{_CHART_TEXT}]({chart_path})"


def _medians(summary: Summary) -> str:
    best = {figure: _best(summary, figure) for figure in FIGURES}

    def cell(name: str, figure: Figure) -> str:
        text = median_text(figure, summary.spread(name, figure))
        return f"**{text}**" if name == best[figure] else text

    rows = (
        [summary.label(name), *(cell(name, figure) for figure in FIGURES)]
        for name in summary.systems
    )
    return _table(["", *(figure.label for figure in FIGURES)], rows)


def _best(summary: Summary, figure: Figure) -> str | None:
    values = {name: summary.value(name, figure) for name in summary.systems}
    known = {name: value for name, value in values.items() if value is not None}
    choose = min if figure.less_is_better else max
    return choose(known, key=lambda name: known[name], default=None)


def _ranges(summary: Summary) -> str:
    rows = [
        [figure.label, *(_range_cell(summary, name, figure) for name in summary.systems)]
        for figure in FIGURES
    ]
    rows.append(["delivered", *(delivery_text(summary.runs(name)) for name in summary.systems)])
    return _table(["", *map(summary.label, summary.systems)], rows)


def _range_cell(summary: Summary, name: str, figure: Figure) -> str:
    found = summary.spread(name, figure)
    if found is None:
        return "–"
    return f"{median_text(figure, found)}<br>{range_text(figure, found)}"


def _single(summary: Summary) -> str:
    return _table(["Barback alone", ""], ([label, text] for label, text in single_figures(summary)))


def _goals(summary: Summary) -> str:
    rows = (
        [
            goal.label,
            goal.wanted,
            goal.measured,
            "reached" if goal.is_reached else "**not reached**",
        ]
        for goal in goals(summary)
    )
    return _table(["", "wanted", "measured", ""], rows)


def _settings(summary: Summary) -> str:
    rows = (
        [
            str(system["label"]),
            f"`{system['settings']}`" if "(" not in system["settings"] else system["settings"],
            ", ".join(f"{name} {system['versions'][name]}" for name in system["packages"]),
        ]
        for system in summary.systems.values()
    )
    return _table(["", "N worker processes", "versions"], rows)


def _conditions(summary: Summary) -> str:
    result = summary.result
    machine, server = result["machine"], result["server"]
    return (
        f"Measured on {result['started_at'][:10]} at commit `{result['commit']}`: "
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gigabytes']} GB, "
        f"{machine['distribution']}, {machine['python']}; {server['name']} {server['version']} "
        f"({server['persistence']}) on the same machine; {result['repeats']} interleaved repeats "
        f"in {round(result['seconds'] / 60)} min by `{result['command']}`."
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    alignment = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, alignment, *rows))
