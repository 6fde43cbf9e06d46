"""How often one network address may try to sign up."""

from __future__ import annotations

import math
import time

from fastapi import Depends, HTTPException, Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from settings import settings

_limit = RateLimitItemPerMinute(settings.sign_ups_per_minute)

# In this process's memory: the limit must hold when the broker is away, too.
_limiter = MovingWindowRateLimiter(MemoryStorage())


def _require_room(request: Request) -> None:
    address = request.client.host if request.client else ""
    if not _limiter.hit(_limit, address):
        wait_seconds = _limiter.get_window_stats(_limit, address).reset_time - time.time()
        raise HTTPException(
            429,
            "Too many sign-ups from your network. Please try again in a minute.",
            {"Retry-After": str(max(1, math.ceil(wait_seconds)))},
        )


RATE_LIMIT = Depends(_require_room)
