from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import uuid4

import pytest
from redis.crc import key_slot

from barback.store.fleet_keys import FleetKeys
from barback.store.key_types import key_type
from barback.store.keys import QueueKeys

#: How the docstring of a key begins, and what Redis calls that type.
TYPES = {"Hash": "hash", "List": "list", "Set": "set", "Sorted set": "zset", "String": "string"}


def documented_keys(keys: Any) -> dict[str, str]:
    """Each key, and the type that it is said to have."""
    worker_id = str(uuid4())
    found = {}
    for name, member in vars(type(keys)).items():
        doc = (member.__doc__ or "").replace(",", ":").split(":")[0]
        if doc in TYPES:
            value = getattr(keys, name)
            is_plain = isinstance(member, cached_property)
            found[value if is_plain else value(worker_id)] = TYPES[doc]
    return found


@pytest.mark.parametrize("on_cluster", [False, True])
@pytest.mark.parametrize("queue_name", ["beer", "levels", "workers", "bell"])
def test_every_key_has_the_type_that_it_is_said_to_have(queue_name: str, on_cluster: bool) -> None:  # noqa: FBT001
    queue, fleet = QueueKeys("ns", queue_name, on_cluster), FleetKeys("ns", on_cluster)
    said = documented_keys(queue) | documented_keys(fleet) | {f"{queue.levels}:-5": "list"}

    assert len(said) > 18
    assert {key: key_type(key) for key in said} == said


@pytest.mark.parametrize("queue_name", ["beer", "", "}", "{", "{}", "a}b"])
def test_all_keys_of_a_queue_are_on_one_server_of_a_cluster(queue_name: str) -> None:
    keys = QueueKeys("ns", queue_name, on_cluster=True)

    assert len({key_slot(key.encode()) for key in documented_keys(keys)}) == 1


def test_queues_spread_over_a_cluster() -> None:
    slots = {key_slot(QueueKeys("ns", f"q{n}", on_cluster=True).queue.encode()) for n in range(9)}

    assert len(slots) == 9
