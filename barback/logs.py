"""Logs for people, and for programs: one JSON object a line, with the message that it is about.

Either way what comes from outside, in whatever a library logs, forges no line and steers no
terminal. JSON needs the extra ``logs`` (python-json-logger).
"""

from __future__ import annotations

import logging
import sys
import textwrap
import time
from typing import Any

from dramatiq.middleware import CurrentMessage

from barback.printable import printable, printable_lines, shortened

#: How lines for people look.
TEXT_FORMAT = (
    "[%(asctime)s] [PID %(process)d] [%(threadName)s] [%(name)s] [%(levelname)s] %(message)s"
)

#: What every line of JSON has.
_FIELDS = ["asctime", "levelname", "name", "message", "process", "threadName"]

_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "threadName": "thread"}


#: How much of a record is written, in characters, besides its traceback.
MAX_LENGTH = 10_000


def format_logs(*, as_json: bool, level: str | None = None) -> None:
    """Have everything that this process logs from now on be formatted in one way.

    Handlers that are there already, such as those of ``dramatiq`` and ``periodiq``, are kept.

    Parameters:
      as_json: Whether lines are JSON, instead of for people.
      level: The lowest level that is logged, such as ``"WARNING"``, or None to leave it as it is.
    """
    root = logging.getLogger()
    if level is not None:
        root.setLevel(level)
    formatter = _json_formatter() if as_json else TextFormatter(TEXT_FORMAT)
    for handler in root.handlers:
        handler.setFormatter(formatter)
        if as_json:
            handler.addFilter(add_message)


def start_logging(*, as_json: bool, level: str | None = None) -> None:
    """As :func:`format_logs`, for a program that has no handler yet: it logs to stderr."""
    logging.basicConfig(level=logging.INFO)
    format_logs(as_json=as_json, level=level)


class TextFormatter(logging.Formatter):
    """Lines for people: one for each record, whatever is in it, and tracebacks indented below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = shortened(printable(record.message), MAX_LENGTH)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return textwrap.indent(printable_lines(super().formatException(ei)), "  ")


def add_message(record: logging.LogRecord) -> bool:
    """A filter that adds to a line which message the thread works on, and in which trace."""
    for name, value in _about_current_message().items():
        setattr(record, name, value)
    return True


def _about_current_message() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    message = CurrentMessage.get_current_message()
    if message is not None:
        fields["message_id"] = message.message_id
        fields["actor"] = message.actor_name
        fields["queue"] = message.queue_name
        fields["attempt"] = message.options.get("retries", 0) + 1
    trace = sys.modules.get("opentelemetry.trace")  # only where the program uses it
    if trace is not None:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            fields["trace_id"] = f"{span.trace_id:032x}"
            fields["span_id"] = f"{span.span_id:016x}"
    return fields


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - an extra

    formatter = JsonFormatter(_FIELDS, rename_fields=_NAMES)
    # Lines of many hosts meet in one place: a time in a zone that it does not name means nothing.
    formatter.converter = time.gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    return formatter
