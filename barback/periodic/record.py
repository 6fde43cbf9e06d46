"""What schedulers remember in Redis: until when each actor's ticks were seen to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from barback.periodic.clock import as_ms, from_ms

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import redis


class TickRecord:
    """The record of one broker's ticks.

    It need not be exact. A scheduler that dies before it writes here leaves it behind the truth,
    and the ticks that are then tried again are refused by their tokens.

    - ``<namespace>:__ticks__:watched``, a hash: actor → until when its ticks were seen to.
    - ``<namespace>:__ticks__:sent``, a hash: actor → its last tick that was sent.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self._watched_key = f"{namespace}:__ticks__:watched"
        self._sent_key = f"{namespace}:__ticks__:sent"

    def watched_until(self, actor_names: Iterable[str]) -> dict[str, dt.datetime]:
        """Until when each actor was looked after; actors that never were are missing."""
        names = list(actor_names)
        values = cast("list[bytes | None]", self.client.hmget(self._watched_key, names))
        times = zip(names, map(from_ms, values), strict=True)
        return {name: moment for name, moment in times if moment}

    def sent(self, actor_name: str, tick: dt.datetime) -> None:
        self.client.hset(self._sent_key, actor_name, as_ms(tick))

    def looked(self, actor_names: Iterable[str], now: dt.datetime) -> None:
        """Remember that all ticks until now were seen to."""
        self.client.hset(self._watched_key, mapping=dict.fromkeys(actor_names, as_ms(now)))

    def last_ticks(self) -> dict[str, dt.datetime]:
        """The last tick of each actor that was sent."""
        values = cast("dict[bytes, bytes]", self.client.hgetall(self._sent_key))
        times = ((name.decode(errors="replace"), from_ms(value)) for name, value in values.items())
        return {name: tick for name, tick in times if tick}
