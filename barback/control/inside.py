"""What an actor says and asks while it runs."""

from __future__ import annotations

from typing import SupportsFloat

from barback.control.running import MAX_TEXT_CHARACTERS, Cancelled, Progress, current


def progress(done: SupportsFloat, total: SupportsFloat | None = None, text: str = "") -> None:
    """Say how far this message is, for ``python -m barback show`` and :func:`find`.

    It costs next to nothing, however often it is called: once a second the worker tells Redis the
    latest. Outside of a worker it does nothing.

    Parameters:
      done: How many steps are done.
      total: How many there are, or None where nobody knows.
      text: What to say about it; 200 characters are kept.

    Raises:
      Cancelled: When the message is cancelled.
      ValueError: When `done` or `total` is negative.
    """
    done, total = _number(done), None if total is None else _number(total)
    if done < 0 or (total is not None and total < 0):
        raise ValueError(f"Expected done and total to be 0 or more, got {done!r} and {total!r}.")
    running = current()
    if running is None:
        return
    running.progress = Progress(done, total, str(text)[:MAX_TEXT_CHARACTERS])
    check_cancelled()


def _number(value: SupportsFloat) -> float:
    """A number as JSON has them, which those of NumPy and ``decimal`` are not."""
    return value if isinstance(value, int) else float(value)


def cancelled() -> bool:
    """Whether somebody has asked this message to stop. An actor that sees it may tidy up and
    return, or raise :class:`Cancelled`.
    """
    running = current()
    return running is not None and running.is_cancelled


def check_cancelled() -> None:
    """Stop here if the message is cancelled.

    Raises:
      Cancelled: When it is.
    """
    if cancelled():
        raise Cancelled
