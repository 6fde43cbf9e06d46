"""A fast and safe Redis broker for Dramatiq."""

from barback.broker import RedisBroker
from barback.sending.bulk import enqueue_all, send_many

__all__ = ["RedisBroker", "__version__", "enqueue_all", "send_many"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module 'barback' has no attribute {name!r}")
    # Not at the top: few programs ask, and it reads files.
    from barback.version import __version__  # noqa: PLC0415

    return __version__
