"""What the pages of one board share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dramatiq.logging import get_logger

from barback.connection.outage import Outage

if TYPE_CHECKING:
    from barback.board.access import Access
    from barback.board.jobs import Jobs
    from barback.board.reader import SharedReader
    from barback.board.schedules import Schedules
    from barback.board.shown import Redact
    from barback.broker import RedisBroker
    from barback.metrics import History


@dataclass(frozen=True)
class Board:
    """One board.

    Parameters:
      broker: What it shows.
      access: Who may do what.
      redact: What of a message's arguments may be shown.
      reader: What all pages read from.
      history: What workers have counted.
      jobs: What it does in the background.
      schedules: Tells the schedules that the program keeps itself.
      trace_url: The address of a trace, with ``{trace_id}`` in it, or None.
      schedules_outage: While the program cannot tell its schedules; open pages ask all the time.
    """

    broker: RedisBroker
    access: Access
    redact: Redact
    reader: SharedReader
    history: History
    jobs: Jobs
    schedules: Schedules
    trace_url: str | None = None
    schedules_outage: Outage = field(
        default_factory=lambda: Outage(get_logger(__name__), "the program's schedules")
    )
