"""A board for operators: what waits, runs, is delayed or dead, and what to do about it.

An ASGI application that any project mounts, or ``python -m barback board`` runs alone. Needs the
extra ``board``::

    app.mount("/board", board(broker, authorize=may_see))
"""

from barback.board.access import Authorize, anybody, with_token
from barback.board.app import board
from barback.board.schedules import Schedule, Schedules

__all__ = ["Authorize", "Schedule", "Schedules", "anybody", "board", "with_token"]
