"""Queue ``beer``: slow work. A beer takes a while to pour."""

from __future__ import annotations

import dramatiq

from actors.serving import (
    MAX_BACKOFF_MS,
    MAX_RETRIES,
    MIN_BACKOFF_MS,
    Served,
    serve,
    time_limit_ms,
)
from settings import settings


@dramatiq.actor(
    queue_name="beer",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=time_limit_ms(settings.beer_seconds),
    store_results=True,
)
def serve_a_beer(order_id: str) -> Served:
    return serve(order_id, drink="beer", serving_seconds=settings.beer_seconds)
