"""The results as Markdown: a page of its own, and what other pages and the terminal show of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.parts import PARTS
from benchmarks.parts.part import DRAMATIQ, Figure, Part
from benchmarks.parts.pickup import PICKUP_P50, PICKUP_P99
from benchmarks.parts.throughput import DRAIN_1, SEND
from benchmarks.report.numbers import number_text, ratio_text
from benchmarks.report.result import Kept, Result

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - it is no HTML
)

#: What other pages show: the figure, the tail of the same waits, and in words, by language.
_KEY_FIGURES: tuple[tuple[Figure, Figure | None, dict[str, str]], ...] = (
    (
        DRAIN_1,
        None,
        {
            "en": "no-op messages a second drained by one process",
            "zh": "一个进程每秒处理的空消息",
        },
    ),
    (
        PICKUP_P50,
        PICKUP_P99,
        {
            "en": "ms until an idle worker starts a message",
            "zh": "空闲的工作进程开始处理一条消息所需的毫秒数",
        },
    ),
    (
        SEND,
        None,
        {
            "en": "messages a second sent one by one",
            "zh": "逐条发送时每秒发出的消息",
        },
    ),
)


def results_page(result: Result, *, has_growth: bool) -> str:
    """Everything: conditions, charts, a section for each part, settings and versions."""
    tables = {name: _table(result, part, has_ranges=True) for name, part in PARTS.items()}
    template = _TEMPLATES.get_template("RESULTS.md.jinja")
    page = template.render(run=result.content, tables=tables, has_growth=has_growth)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def key_figures(result: Result, folder: str, *, language: str = "en") -> str:
    """For other pages: the chart, three figures, and where the others are."""
    ending = "" if language == "en" else f".{language}"
    template = _TEMPLATES.get_template(f"key_figures{ending}.md.jinja")
    figures = [
        _compared(result, figure, tail, label=labels[language])
        for figure, tail, labels in _KEY_FIGURES
    ]
    return template.render(run=result.content, figures=figures, folder=folder)


def _compared(result: Result, figure: Figure, tail: Figure | None, *, label: str) -> dict[str, Any]:
    """A figure of ours, beside stock's and that of the best other system."""

    def text(name: str) -> str:
        middle = _cell(result, name, figure)
        return f"{middle} (p99 {_cell(result, name, tail)})" if tail else middle

    others = [
        {
            "label": result.label(name),
            "text": text(name),
            "ratio": ratio_text(result.times_as_good(figure, name)),
        }
        for name in dict.fromkeys(("stock", result.best_other(figure)))
        if name in result.kept(figure)
    ]
    is_wait = figure.less_is_better
    return {"label": label, "ours": text("ours"), "others": others, "is_wait": is_wait}


def terminal_report(result: Result) -> str:
    """The medians of each part."""
    tables = {name: _table(result, part) for name, part in PARTS.items()}
    return "\n\n".join(f"## {name}\n\n{table}" for name, table in tables.items() if table)


def _table(result: Result, part: Part, *, has_ranges: bool = False) -> str:
    """Figures down, systems across, then how ours compares; or nothing if nothing was measured."""
    figures = [
        each for each in part.figures if any(result.figure(name, each) for name in result.systems)
    ]
    names = [name for name in result.systems if any(result.figure(name, each) for each in figures)]
    ratios = [name for name in ("stock", "older") if name in names]
    has_others = bool({*names} - {*DRAMATIQ})

    def row(figure: Figure) -> Iterable[str]:
        count = max((each.samples for each in result.kept(figure).values()), default=0)
        yield figure.label if figure.percent is None else f"{figure.label} (n = {count:,})"
        yield from (_cell(result, name, figure, has_range=has_ranges) for name in names)
        yield from (ratio_text(result.times_as_good(figure, name)) for name in ratios)
        if has_others:
            best = result.best_other(figure)
            ratio = result.times_as_good(figure, best)
            yield ratio_text(ratio) + (f" ({result.label(best)})" if best and ratio else "")

    heads = ["", *map(result.label, names), *(f"× {name}" for name in ratios)]
    heads += ["× best other"] * has_others
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *map(row, figures)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    kept = ((figure, result.figure(name, figure)) for figure in figures for name in names)
    reasons = [f"- {figure.label}: {each}" for figure, each in kept if isinstance(each, str)]
    return "\n".join([table, "", *reasons]).rstrip() if names else ""


def _cell(result: Result, name: str, figure: Figure, *, has_range: bool = False) -> str:
    kept = result.figure(name, figure)
    if not isinstance(kept, Kept):
        return kept.partition(":")[0] if kept else "–"
    middle, low, high = (number_text(each, figure.digits) for each in kept[:3])
    return middle if not has_range or low == high else f"{middle}<br>{low}…{high}"
