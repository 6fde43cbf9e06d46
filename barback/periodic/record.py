"""What schedulers remember in Redis: until when each actor was looked after, and by whom."""

from __future__ import annotations

import datetime as dt
import socket
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis

#: How long the last look of a host that is no more is remembered, in seconds.
HOST_TTL_SECONDS = 7 * 86_400


class TickRecord:
    """The record of one broker's ticks.

    It need not be exact. A scheduler that dies before it writes here leaves it behind the truth,
    and the ticks that are then tried again are refused by their tokens.

    - ``<namespace>:__ticks__:watched``, a hash: actor → until when its ticks were seen to.
    - ``<namespace>:__ticks__:sent``, a hash: actor → its last tick that was sent.
    - ``<namespace>:__ticks__:host:<name>``: when a scheduler of that host looked last.
    """

    def __init__(self, client: redis.Redis[Any], namespace: str) -> None:
        self.client = client
        self._watched_key = f"{namespace}:__ticks__:watched"
        self._sent_key = f"{namespace}:__ticks__:sent"
        self._host_key = f"{namespace}:__ticks__:host:{socket.gethostname()}"

    def watched_until(self, actor_names: Iterable[str]) -> dict[str, dt.datetime]:
        """Until when each actor was looked after; actors that never were are missing."""
        names = list(actor_names)
        values = cast("list[bytes | None]", self.client.hmget(self._watched_key, names))
        return {name: _from_ms(value) for name, value in zip(names, values, strict=True) if value}

    def sent(self, actor_name: str, tick: dt.datetime) -> None:
        self.client.hset(self._sent_key, actor_name, _to_ms(tick))

    def looked(self, actor_names: Iterable[str], now: dt.datetime) -> None:
        """Remember that this host has seen to all ticks until now."""
        with self.client.pipeline(transaction=False) as pipe:
            pipe.hset(self._watched_key, mapping=dict.fromkeys(actor_names, _to_ms(now)))
            pipe.set(self._host_key, _to_ms(now), ex=HOST_TTL_SECONDS)
            pipe.execute()

    def last_ticks(self) -> dict[str, dt.datetime]:
        """The last tick of each actor that was sent."""
        values = cast("dict[bytes, bytes]", self.client.hgetall(self._sent_key))
        return {name.decode(): _from_ms(value) for name, value in values.items()}

    def last_look(self) -> dt.datetime | None:
        """When a scheduler of this host looked last."""
        value = cast("bytes | None", self.client.get(self._host_key))
        return None if value is None else _from_ms(value)


def _to_ms(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def _from_ms(value: bytes) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(value) / 1000, dt.UTC)
