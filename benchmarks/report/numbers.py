"""Figures as people read them."""

from __future__ import annotations

#: Figures vary by some percent: more digits than these would be noise.
_DIGITS = 3


def number_text(value: float, digits: int) -> str:
    value = float(f"{value:.{_DIGITS}g}")
    before_point = len(f"{int(abs(value))}")
    return f"{value:,.{max(0, min(digits, _DIGITS - before_point))}f}"


def ratio_text(ratio: float | None) -> str:
    if ratio is None:
        return "–"
    return f"{number_text(ratio, 2)} ×"
