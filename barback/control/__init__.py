"""Steering what waits and what runs: from outside, and from inside an actor."""

from barback.control.cancelling import Cancellations, cancel, cancel_all
from barback.control.decorating import actor
from barback.control.ended import list_ended
from barback.control.finding import find
from barback.control.hastening import run_now
from barback.control.inside import cancelled, check_cancelled, progress
from barback.control.listing import list_running
from barback.control.middleware import Control
from barback.control.options import Limit, Unique
from barback.control.queues import PausedQueue, pause, paused, purge, resume
from barback.control.running import Cancelled, Progress
from barback.control.status import MessageStatus

__all__ = [
    "Cancellations",
    "Cancelled",
    "Control",
    "Limit",
    "MessageStatus",
    "PausedQueue",
    "Progress",
    "Unique",
    "actor",
    "cancel",
    "cancel_all",
    "cancelled",
    "check_cancelled",
    "find",
    "list_ended",
    "list_running",
    "pause",
    "paused",
    "progress",
    "purge",
    "resume",
    "run_now",
]
