"""Queue ``beer``: slow work. A beer takes a while to pour."""

from __future__ import annotations

import dramatiq

from actors.serving import (
    MAX_BACKOFF_MS,
    MAX_RETRIES,
    MIN_BACKOFF_MS,
    ONE_OF_A_STANDING_ORDER,
    Served,
    serve,
    time_limit_ms,
)
from barback.control import Limit
from settings import settings

#: The bar may have only so many taps: no more beers are poured at a time, whatever the workers.
TAPS = None if settings.taps is None else Limit("taps", at_once=settings.taps)


@dramatiq.actor(
    queue_name="beer",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=time_limit_ms(settings.beer_seconds),
    store_results=True,
    unique=ONE_OF_A_STANDING_ORDER,
    limit=TAPS,
)
def serve_a_beer(order_id: str) -> Served:
    """Serve a beer, slowly."""
    return serve(order_id, drink="beer", serving_seconds=settings.beer_seconds)
