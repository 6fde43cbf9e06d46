"""A fast and safe Redis broker for Dramatiq."""

from barback.broker import RedisBroker
from barback.bulk import send_many

__all__ = ["RedisBroker", "send_many"]
