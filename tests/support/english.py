"""Finds the English that is left on a page in another language."""

from __future__ import annotations

import re
from html.parser import HTMLParser

#: What is said in English everywhere: names, units, formats and identifiers.
_INTERNATIONAL = re.compile(
    r"""
    \b(?:API|AM|ID|PM|Barback|CSV|Cookie|cron|Cron|IANA|JavaScript|JSON|OpenAPI|Redis|UTC
    |p50|p95|p99|PID|CPU|MiB|GiB|KiB|kB|MB|GB|ms|min|h|s|d)\b
    | “Authorize”          # the button of Swagger UI
    | \S+[/:@]\S+          # addresses, time zones, workers
    | \b\w*[_.=]\w+\S*     # identifiers
    | \w+\([^)]*\)        # calls
    | \b[a-z]+-[a-z-]+      # names of queues
    | [0-9a-f]{6,}(?:-[0-9a-f]{4,})*  # ids
    | [A-Z][\w-]+(?:/\S+)+ # time zones
    """,
    re.VERBOSE,
)

_UNREAD = {"code", "pre", "script", "style", "svg"}
_ATTRIBUTES = {"alt", "aria-label", "data-confirm", "label", "placeholder", "title", "data-label"}
_WORD = re.compile(r"[A-Za-z]{2,}")


def english_on(html: str, *data: str) -> set[str]:
    """The texts with English words on a page that people read, or have read to them.

    Parameters:
      html: The page.
      *data: Words that the test has put there.
    """
    reader = _Reader()
    reader.feed(html)
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, data))})\b(?!:)" if data else "(?!)")
    texts = ((text, words.sub(" ", text)) for text in reader.texts)
    return {text for text, rest in texts if _WORD.search(_INTERNATIONAL.sub(" ", rest))}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unread: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        is_english = values.get("lang", "").startswith("en")  # type: ignore[union-attr]
        if self._unread or tag in _UNREAD or is_english:
            if tag not in {"br", "hr", "img", "input", "link", "meta", "line", "rect"}:
                self._unread.append(tag)
            return
        self.texts += [text for name in _ATTRIBUTES if (text := values.get(name))]
        if tag == "input" and values.get("type") in {"button", "submit"} and values.get("value"):
            self.texts.append(str(values["value"]))

    def handle_endtag(self, tag: str) -> None:
        if self._unread and self._unread[-1] == tag:
            self._unread.pop()

    def handle_data(self, data: str) -> None:
        if not self._unread and data.strip():
            self.texts.append(" ".join(data.split()))
