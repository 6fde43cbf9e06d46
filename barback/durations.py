"""Durations as people say them, for whatever is logged or shown."""

from __future__ import annotations

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}

#: Below so many seconds, a tenth of one matters.
_SHORT_SECONDS = 10


def duration_in_words(seconds: float) -> str:
    """The two largest units of a duration: ``2 d 3 h``, ``45 s``, ``1.2 s``, ``20 ms``.

    Parameters:
      seconds: The duration in seconds. What clocks that disagree make negative counts as 0.
    """
    milliseconds = round(max(0.0, seconds) * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds} ms"
    if seconds < _SHORT_SECONDS:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    rest = round(seconds)
    counts: list[str] = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        counts.append(f"{count} {unit}" if count else "")
    first = next(index for index, text in enumerate(counts) if text)
    return " ".join(filter(None, counts[first : first + 2]))
