"""Whether a message may start, as far as its limit and its unique key go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.control.options import room_for
from barback.errors import InvalidKey

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    import dramatiq

    from barback.consuming.acknowledging import Acknowledger
    from barback.messages.delivery import Delivery


class Admission:
    """Asks Redis, in a worker's thread, whether a message may start.

    Parameters:
      actors: The actors of the worker.
      acknowledgers: By queue: who asks.
      stopping: Set when the worker is told to stop.
      set_aside: Takes a message that the worker has to give back since it stops.
    """

    def __init__(
        self,
        actors: Iterable[dramatiq.Actor[Any, Any]],
        acknowledgers: Mapping[str, Acknowledger],
        stopping: threading.Event,
        set_aside: Callable[[Delivery], None],
    ) -> None:
        self._limited_actors = {
            actor.actor_name: actor for actor in actors if actor.options.get("limit")
        }
        self._acknowledgers = acknowledgers
        self._stopping = stopping
        self._set_aside = set_aside

    def grants(self, delivery: Delivery) -> bool:
        """Whether a message may start; the thread waits until Redis has said so."""
        actor = self._limited_actors.get(delivery.actor_name)
        if actor is None and not delivery.control:  # as a rule
            return True
        try:
            if actor is not None:
                delivery.room = room_for(actor, delivery.args, delivery.kwargs)
        except InvalidKey as error:
            delivery.refusal = error
        if delivery.room is None and "until_start" not in (delivery.control or ()):
            return True
        may_start = self._acknowledgers[delivery.queue_name].admit(delivery, self._stopping)
        if may_start is None:
            self._set_aside(delivery)
        return bool(may_start)
