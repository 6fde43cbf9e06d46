"""Which type each key has in Redis, by its name."""

from __future__ import annotations

import re


def key_type(key: str) -> str:
    """The type that one of our keys has, as the command ``TYPE`` names it."""
    return next(
        (kind for pattern, kind in _TYPES if re.search(pattern, key)),
        "list",  # the ids of messages that wait
    )


#: What a key's name holds, and its type; the first that fits counts.
_TYPES = (
    (r"__barback__\}?:.*:once:", "string"),
    (r"__barback__\}?:.*:parked:", "list"),
    (r"__barback__\}?:.*:(lines|starts):", "zset"),
    (r"__barback__\}?:.*:(cancelling|claims|ended-details|paced|parked|running)$", "hash"),
    (r"__barback__\}?:.*:slots(-used)?$", "hash"),
    (r"__barback__\}?:.*:ended$", "zset"),
    (r"__barback__\}?:(.*:)?(bell:[0-9a-f-]{36}|levels:-?\d+|delay-changed)$", "list"),
    (r"__barback__\}?:(.*:)?(consumers|crashes|dead-details|workers)$", "hash"),
    (r"__barback__\}?:(.*:)?(due|heartbeats|levels)$", "zset"),
    (r"__barback__\}?:(.*:)?(waiting|queues)$", "set"),
    (r"__barback__\}?:.*:lines$", "string"),
    (r"__barback__\}?:(.*:)?(format|paused)$", "string"),
    (r":__acks__\.", "set"),
    (r"(:__heartbeats__|\.XQ)$", "zset"),
    (r"\.msgs$", "hash"),
)
