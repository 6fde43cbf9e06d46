"""The scripts that run inside Redis. Each file's head says what it does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Script:
    source: bytes
    sha: str


def _load(name: str) -> Script:
    source = resources.files(__package__).joinpath(f"{name}.lua").read_bytes()
    return Script(source=source, sha=hashlib.sha1(source, usedforsecurity=False).hexdigest())


ADOPT = _load("adopt")
BEAT = _load("beat")
DELAY = _load("delay")
DELETE_DEAD = _load("delete_dead")
ENQUEUE = _load("enqueue")
ENQUEUE_ONCE = _load("enqueue_once")
EXCHANGE = _load("exchange")
GIVE_BACK = _load("give_back")
PROMOTE = _load("promote")
PURGE_DEAD = _load("purge_dead")
QSIZE = _load("qsize")
RECONCILE = _load("reconcile")
RECOVER = _load("recover")
RELEASE = _load("release")
REQUEUE_DEAD = _load("requeue_dead")
RETIRE = _load("retire")
SETTLE = _load("settle")
START = _load("start")
