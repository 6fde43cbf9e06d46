"""Makes deliveries of what a claim has taken."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

from dramatiq.logging import get_logger

from barback.consuming.in_flight import Settlement
from barback.dead_letters.details import describe_undecodable
from barback.errors import UndecodablePayload
from barback.messages.delivery import Delivery, decode
from barback.store.records import crashes_in

if TYPE_CHECKING:
    from barback.connection.script import Argument
    from barback.consuming.in_flight import InFlight


class Receiver:
    """Takes in the messages of one queue.

    Each of them is dealt with whatever the others are: what cannot be decoded becomes a dead
    letter, and strands none of its neighbours.

    Parameters:
      queue_name: The queue.
      worker_id: The worker that holds them.
      in_flight: The account of the queue.
      origin: The store that they come from.
    """

    def __init__(
        self, queue_name: str, worker_id: str, in_flight: InFlight, origin: object
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._queue_name = queue_name
        self._worker_id = worker_id
        self._in_flight = in_flight
        self._origin = origin

    def receive(self, answer: Any) -> list[Delivery]:
        """The deliveries of a claim's answer."""
        ids, payloads, crash_notes = answer
        # All are held before any is looked at: whatever happens to one, none is forgotten.
        readable_ids = [_readable(raw_id) for raw_id in ids]
        self._in_flight.hold(readable_ids, payloads)
        accepted = map(self._accept, readable_ids, payloads, crash_notes or repeat(None))
        return [delivery for delivery in accepted if delivery is not None]

    def _accept(
        self, redis_id: Argument, payload: bytes | None, crash_note: bytes | None
    ) -> Delivery | None:
        crashes = crashes_in(crash_note) if crash_note else 0
        try:
            if not isinstance(redis_id, str):
                raise UndecodablePayload(f"its id is no text: {redis_id!r}")  # noqa: TRY301
            if payload is None:  # the queue was flushed, or names the message twice
                self._in_flight.add_ack(redis_id)
                self._in_flight.finish(redis_id)
                return None
            return decode(
                payload,
                redis_id=redis_id,
                queue_name=self._queue_name,
                crashes=crashes,
                worker_id=self._worker_id,
                origin=self._origin,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this one alone
            self._refuse(redis_id, error, crashes)
            return None

    def _refuse(self, redis_id: Argument, error: Exception, crashes: int) -> None:
        self.logger.error(
            "A payload on queue %r is no message and becomes a dead letter: %s",
            self._queue_name,
            error,
        )
        details = describe_undecodable(error, crashes)
        self._in_flight.settlements.append(Settlement(redis_id, (redis_id, "dead", details, "")))
        self._in_flight.finish(redis_id)


def _readable(raw_id: bytes) -> Argument:
    """An id as text, or as it is where it is none."""
    try:
        return raw_id.decode()
    except UnicodeDecodeError:
        return raw_id
