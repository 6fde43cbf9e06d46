"""Queues ``lesson-both``, ``lesson-beer`` and ``lesson-coffee``: the same orders at two bars.

At one bar all slips are in one queue, at the other each drink has its own, and everybody can see
what that is good for. The drinks take as long as those of the menu, but nobody pays for them.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, cast

import dramatiq

from actors.serving import (
    MAX_BACKOFF_MS,
    MAX_RETRIES,
    MIN_BACKOFF_MS,
    take_time,
    time_limit_ms,
)
from lesson_rounds import Slip, note_served, note_started, slips_of
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barback import RedisBroker
    from lesson_rounds import LessonQueue

_SECONDS = {"beer": settings.beer_seconds, "coffee": settings.coffee_seconds}

_OPTIONS: dict[str, Any] = {
    "max_retries": MAX_RETRIES,
    "min_backoff": MIN_BACKOFF_MS,
    "max_backoff": MAX_BACKOFF_MS,
    "time_limit": time_limit_ms(max(_SECONDS.values())),
}


@dramatiq.actor(queue_name="lesson-both", **_OPTIONS)
def serve_from_one_queue(round_id: str, drink: str, number: int) -> None:
    """Serve a drink of the lesson's round on one queue."""
    _serve(round_id, Slip("lesson-both", drink, number))


@dramatiq.actor(queue_name="lesson-beer", **_OPTIONS)
def serve_from_the_beer_queue(round_id: str, drink: str, number: int) -> None:
    """Serve a beer of the lesson's round on two queues."""
    _serve(round_id, Slip("lesson-beer", drink, number))


@dramatiq.actor(queue_name="lesson-coffee", **_OPTIONS)
def serve_from_the_coffee_queue(round_id: str, drink: str, number: int) -> None:
    """Serve a coffee of the lesson's round on two queues."""
    _serve(round_id, Slip("lesson-coffee", drink, number))


_SERVING_ACTORS = {
    actor.queue_name: actor
    for actor in (serve_from_one_queue, serve_from_the_beer_queue, serve_from_the_coffee_queue)
}


def messages_of_round(
    round_id: str, queues: Sequence[LessonQueue], *, each: int
) -> Iterator[dramatiq.Message[None]]:
    """The messages of a round for some queues, in the order in which they are to be sent."""
    for queue in queues:
        for drink, number in slips_of(queue, each):
            yield _SERVING_ACTORS[queue.name].message(round_id, drink, number)


def _serve(round_id: str, slip: Slip) -> None:
    client = cast("RedisBroker", dramatiq.get_broker()).client
    worker = f"{socket.gethostname()}:{os.getpid()}"
    note_started(client, round_id, slip, worker=worker)
    take_time(_SECONDS[slip.drink])
    note_served(client, round_id, slip)
