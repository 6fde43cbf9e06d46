"""A fast and safe Redis broker for Dramatiq."""

from barback.broker import RedisBroker

__all__ = ["RedisBroker"]
