"""A small program for ``periodiq`` and ``dramatiq``: a tick each minute, written to a ledger.

With ``DIE=before`` or ``DIE=after`` its process kills itself right before or right after the step
that claims and enqueues a tick.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import dramatiq
from dramatiq.middleware import CurrentMessage

from barback import RedisBroker
from barback.cron import cron
from barback.periodic import Periodic, take_over_periodiq

LEDGER = "ledger"


class MortalBroker(RedisBroker):
    def enqueue_once(
        self,
        message: dramatiq.Message[Any],
        *,
        token: str,
        ttl_seconds: float,
        confirm: str | None = None,
    ) -> dramatiq.Message[Any] | None:
        _die_if("before")
        sent = super().enqueue_once(message, token=token, ttl_seconds=ttl_seconds)
        _die_if("after")
        return sent


def _die_if(when: str) -> None:
    if os.environ.get("DIE") == when:
        os.kill(os.getpid(), signal.SIGKILL)


broker = MortalBroker(url=os.environ["REDIS_URL"])
broker.add_middleware(CurrentMessage())
broker.add_middleware(Periodic())
dramatiq.set_broker(broker)
take_over_periodiq()


@dramatiq.actor(periodic=cron("* * * * *"), catch_up="all", grace_seconds=600)
def tick() -> None:
    message = CurrentMessage.get_current_message()
    assert message is not None
    broker.client.rpush(LEDGER, message.options["scheduled_at"])
