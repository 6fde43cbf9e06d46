"""What others need of a broker to send a message once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import dramatiq
    import redis


class OnceBroker(Protocol):
    """A broker that sends a message unless its token was used; :class:`barback.RedisBroker` is."""

    def enqueue_once(
        self, message: dramatiq.Message[Any], *, token: str, ttl_seconds: float
    ) -> dramatiq.Message[Any] | None: ...


class ScheduleBroker(OnceBroker, Protocol):
    """A broker that can also keep what a scheduler has done."""

    namespace: str

    @property
    def client(self) -> redis.Redis: ...
