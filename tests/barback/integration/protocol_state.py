"""What Redis holds of the queue ``jobs``, read at one moment."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from barback.store.keys import QueueKeys

if TYPE_CHECKING:
    import redis

_KEYS = QueueKeys("dramatiq", "jobs")

#: Where messages may be, as Lua that puts each place of each id into ``places``.
_PLACES = """
local places = {}
local function note(place, ids)
    for _, id in ipairs(ids) do
        places[#places + 1] = id
        places[#places + 1] = place
    end
end
note('stored', redis.call('HKEYS', KEYS[1]))
note('stored as delayed', redis.call('HKEYS', KEYS[2]))
note('delayed', redis.call('ZRANGE', KEYS[3], 0, -1))
note('waits', redis.call('LRANGE', KEYS[4], 0, -1))
for _, key in ipairs(redis.call('KEYS', KEYS[5] .. ':*')) do
    note('waits', redis.call('LRANGE', key, 0, -1))
end
for _, key in ipairs(redis.call('KEYS', KEYS[6])) do
    note(key, redis.call('SMEMBERS', key))
end
return places
"""


def places_of_messages(client: redis.Redis) -> dict[str, list[str]]:
    """For each message that is stored: where it waits, or who holds it."""
    keys = (_KEYS.messages, _KEYS.delayed_messages, _KEYS.due, _KEYS.queue, _KEYS.levels)
    found: Any = client.eval(_PLACES, 6, *keys, _KEYS.acks("*"))
    texts = [raw.decode() for raw in found]
    places: defaultdict[str, list[str]] = defaultdict(list)
    for redis_id, place in zip(texts[::2], texts[1::2], strict=True):
        places[redis_id] += [] if place.startswith("stored") else [place]
    return dict(places)


def what_is_left(client: redis.Redis) -> list[str]:
    """The keys that are there although there should be none once everything is done."""
    keys: Any = client.keys("dramatiq:*")
    return sorted(key.decode() for key in keys if not _may_stay(key.decode()))


def _may_stay(key: str) -> bool:
    return key.endswith((".XQ", ".XQ.msgs")) or (
        ":__barback__:" in key and not key.endswith((":crashes", ":due", ":levels", ":paused"))
    )
