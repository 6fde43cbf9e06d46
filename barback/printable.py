"""Text from outside (ids, names, errors) as it may be shown on a terminal or written to a log.

Whoever can send a message chooses its id and the names in it. Escape sequences in them would
steer the terminal of whoever looks, and a newline would forge a line of a log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTROL_CHARACTERS = {
    code: f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\t\n\r"
}


def printable(text: str) -> str:
    r"""The text on one line; what is not printable is shown as an escape: ``\n``, ``\x1b``."""
    if text.isprintable():  # by far the fastest way to look at a megabyte
        return text
    return "".join(
        character if character.isprintable() else _escape(character) for character in text
    )


def printable_lines(text: str) -> str:
    """As :func:`printable`, for text that has lines of its own, such as a traceback."""
    return "\n".join(printable(line.expandtabs()) for line in text.splitlines())


def visible(text: str) -> str:
    """As :func:`printable`, for text in which everything but control characters may stay as it
    is, lines and tabs included: no page can hold those.
    """
    return text.translate(_CONTROL_CHARACTERS)


def visible_on_page(value: object) -> object:
    """What a template is to show in place of a value, as Jinja's ``finalize``: :func:`visible`
    text, and everything else as it is.
    """
    return visible(value) if isinstance(value, str) else value


def shortened(text: str, length: int) -> str:
    """A text or, if it is longer, so many of its characters and how many more there are."""
    left_out = len(text) - length
    return text if left_out <= 0 else f"{text[:length]}… ({left_out:,} more characters)"


def json_text(
    value: Any, *, default: Callable[[Any], Any] | None = None, indent: int | None = None
) -> str:
    """A value as JSON that every program reads. That of Python has infinite numbers, too: they
    become null.
    """
    try:
        return json.dumps(value, default=default, indent=indent, allow_nan=False)
    except ValueError:
        plain = json.loads(json.dumps(value, default=default), parse_constant=lambda _: None)
        return json.dumps(plain, indent=indent)


def first_line(error: BaseException) -> str:
    """The first line of an error, without its full stop, or its type when it says nothing."""
    lines = _text_of(error).strip().splitlines()
    return printable(lines[0]).rstrip(".") if lines else type(error).__name__


def described(error: BaseException) -> str:
    """An error's type and all that it says."""
    return f"{type(error).__name__}: {_text_of(error)}"


def _text_of(error: BaseException) -> str:
    """What an error says. One of somebody's own may fail to say anything: ``"code " + 5``."""
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - whatever it is, the first error counts
        return f"<no text: its __str__ raised {type(another).__name__}>"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
