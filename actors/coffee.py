"""Queue ``coffee``: quick work. Water, coffee and a filter are all it takes."""

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
from settings import settings


@dramatiq.actor(
    queue_name="coffee",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=time_limit_ms(settings.coffee_seconds),
    store_results=True,
    unique=ONE_OF_A_STANDING_ORDER,
)
def serve_a_coffee(order_id: str) -> Served:
    """Serve a coffee, quickly."""
    return serve(order_id, drink="coffee", serving_seconds=settings.coffee_seconds)
