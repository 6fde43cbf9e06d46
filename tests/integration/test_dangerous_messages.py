"""Messages over which workers have died."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback import RedisBroker
from tests.polling import eventually

if TYPE_CHECKING:
    import redis


@pytest.mark.parametrize("ending", ["ack", "nack"])
def test_redis_is_told_of_its_end_before_the_next_one_may_start(
    ending: str, redis_url: str, redis_client: redis.Redis
) -> None:
    # Given a message over which two workers have died, that runs alone
    with contextlib.closing(RedisBroker(url=redis_url)) as broker:
        dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
        sent = broker.enqueue(dramatiq.Message("default", "note", (), {}, {}))
        redis_client.hset("dramatiq:default.losses", sent.options["redis_message_id"], "2")
        consumer = broker.consume("default")
        delivery: Any = eventually(lambda: next(consumer))
        broker.emit_before("process_message", delivery)
        assert delivery.is_alone

        # When it ends
        getattr(consumer, ending)(delivery)

        # Expect nothing of it to be left that the death of this worker could be blamed on
        assert not delivery.is_alone
        assert redis_client.keys("*__acks__*") == []
        assert redis_client.exists("dramatiq:default.losses", "dramatiq:default.msgs") == 0
        consumer.close()
