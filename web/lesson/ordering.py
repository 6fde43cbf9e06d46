"""Ordering a round of the lesson, once."""

from __future__ import annotations

import re

from actors.lesson import messages_of_round
from lesson_rounds import QUEUES, TTL_SECONDS, Round, open_round, read_round
from settings import settings
from web.broker import broker
from web.rare_log import warn_rarely
from web.sent_once import id_of

#: How many of each drink a round has.
EACH = 20

#: When it is worth another try, in seconds, as a header.
RETRY_AFTER = {"Retry-After": "10"}

_ROUND_ID = re.compile(r"[0-9a-f]{32}")


class TooManyWait(Exception):  # noqa: N818 - not the program's error
    """So many slips wait already that a round would not begin soon. Try again later."""


def order_round(visitor: str, key: str) -> str:
    """Order a round, and return its id. With the same key again, it is the same round.

    Raises:
      TooManyWait: When the round is new, and the queues are full.
      ConnectionFailed, redis.RedisError: When they cannot be reached. Try again with the same key.
    """
    round_id = id_of("lesson", visitor, key)
    _order(round_id)
    return round_id


def find_round(round_id: str) -> Round | None:
    """How far a round is; None when there is none, or not any more.

    Raises: redis.RedisError.
    """
    return read_round(broker().client, round_id) if _ROUND_ID.fullmatch(round_id) else None


def _order(round_id: str) -> None:
    if read_round(broker().client, round_id) is None:
        if any(broker().queue_length(name) >= settings.max_queue_length for name in QUEUES):
            warn_rarely("Refusing rounds of the lesson: MAX_QUEUE_LENGTH slips wait already.")
            raise TooManyWait
        open_round(broker().client, round_id, each=EACH)
    # One by one and not many at once: whoever presses twice, or again after an error, gets one
    # round, and gets all of it.
    for number, message in enumerate(messages_of_round(round_id, list(QUEUES.values()), each=EACH)):
        token = f"lesson:{round_id}:{number}"
        broker().enqueue_once(message, token=token, ttl_seconds=TTL_SECONDS)
