# ruff: noqa: ARG002 - the signatures are Dramatiq's
"""The door: with this middleware, actors may have the options of :mod:`barback.control`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq import Middleware
from dramatiq.middleware import Retries

from barback.control.options import check_options, control_of
from barback.control.remembering import Memory
from barback.control.running import current, enter, expect_cancellation, leave
from barback.durations import check_duration
from barback.messages.delivery import Delivery
from barback.store.ended import KEEP_COUNT

if TYPE_CHECKING:
    import dramatiq
    from dramatiq import MessageProxy


class Control(Middleware):
    """Gives actors the options ``unique``, ``limit`` and ``on_cancel``.

    A message of an actor that uses none of them costs what it costs without this middleware.

    Examples:
      >>> broker.add_middleware(Control())

    Parameters:
      remember_seconds: How long messages that have ended well are remembered, in seconds; by
        default they are not. Cancelled ones always are, for a week.
      remember_count: How many ended messages of a queue are remembered at the most.

    Raises:
      ValueError: When one of these is not more than 0.
    """

    def __init__(
        self, *, remember_seconds: float | None = None, remember_count: int = KEEP_COUNT
    ) -> None:
        if remember_seconds is not None:
            check_duration("remember_seconds", remember_seconds)
        if remember_count < 1:
            raise ValueError(f"Expected remember_count to be 1 or more, got {remember_count!r}.")
        self._memory = (
            None
            if remember_seconds is None
            else Memory(ttl_ms=int(remember_seconds * 1000), max_count=remember_count)
        )

    @property
    def actor_options(self) -> set[str]:
        return {"limit", "on_cancel", "unique"}

    def before_declare_actor(
        self, broker: dramatiq.Broker, actor: dramatiq.Actor[Any, Any]
    ) -> None:
        check_options(actor)
        expect_cancellation(actor)

    def before_enqueue(
        self, broker: dramatiq.Broker, message: dramatiq.Message[Any], delay: int | None
    ) -> None:
        actor = broker.actors.get(message.actor_name)
        if actor is None:
            return
        if message.options.get("retries"):
            _note_attempts(broker, actor, message)
            return  # it has its key already, or none: its arguments may be none that make one
        if "control" in message.options:
            return
        control = control_of(actor, message.args, message.kwargs)
        if control is not None:
            message.options["control"] = control

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        running = None if isinstance(message, Delivery) else enter(message)
        if _is_interruptible(broker, message):
            running = running or current()
            if running is not None:
                running.begin_interruptible()

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        running = message.running if isinstance(message, Delivery) else current()
        leave()
        if running is not None:
            running.end_interruptible()
            if running.progress is not None and isinstance(message, Delivery):
                message.progress = vars(running.progress)

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self.after_process_message(broker, message)

    def after_ack(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        if self._memory is not None and isinstance(message, Delivery) and not message.is_followed:
            self._memory.add(message)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if self._memory is not None:
            self._memory.write()


def _note_attempts(
    broker: dramatiq.Broker, actor: dramatiq.Actor[Any, Any], message: dramatiq.Message[Any]
) -> None:
    """Have a retry tell how many attempts it has in all, to those who do not know its actor."""
    general = next((it.max_retries for it in broker.middleware if isinstance(it, Retries)), None)
    of_actor = actor.options.get("max_retries", general)
    max_retries = message.options.get("max_retries", of_actor)
    if max_retries is not None:
        message.options["max_attempts"] = max_retries + 1


def _is_interruptible(broker: dramatiq.Broker, message: MessageProxy) -> bool:
    actor = broker.actors.get(message.actor_name)
    return actor is not None and actor.options.get("on_cancel") == "interrupt"
