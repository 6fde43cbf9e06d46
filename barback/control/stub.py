"""For unit tests: a StubBroker on which actors may be unique, limited and cancelled, in memory."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.brokers.stub import StubBroker as DramatiqStubBroker
from dramatiq.brokers.stub import _StubConsumer
from dramatiq.common import q_name
from dramatiq.middleware import Middleware, SkipMessage

from barback.control.middleware import Control
from barback.control.options import control_of, room_for
from barback.control.running import Cancelled, RunningMessage, current
from barback.errors import AlreadyEnqueued

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Consumer, MessageProxy

    from barback.messages.room import Room


class StubBroker(DramatiqStubBroker):
    """``dramatiq.brokers.stub.StubBroker`` with :class:`barback.control.Control`.

    ``unique``, ``limit`` and ``on_cancel`` do in memory what they do in Redis, with a real
    ``dramatiq.Worker``: a test that takes an actor for what it is finds the same messages sent,
    refused, held back and cancelled.

    Parameters:
      middleware: Replaces Dramatiq's default middleware.
      **options: As for Dramatiq's.
    """

    def __init__(self, middleware: list[Middleware] | None = None, **options: Any) -> None:
        super().__init__(middleware, **options)
        self._state = _State()
        self.add_middleware(Control())
        self.add_middleware(_Bookkeeping(self._state))

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        """See :meth:`barback.RedisBroker.enqueue`.

        Raises:
          AlreadyEnqueued: When another one has the unique key, and the actor wants this error.
        """
        actor = self.actors.get(message.actor_name)
        control = actor and control_of(actor, message.args, message.kwargs)
        holder = self._state.claim(message, control) if control else None
        if holder is not None:
            return message.copy(message_id=holder)
        self._state.sent(message)
        return super().enqueue(message, delay=delay)

    def flush(self, queue_name: str) -> None:
        for data in list(self.queues[queue_name].queue):
            self._state.end(dramatiq.Message.decode(data))
        super().flush(queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Consumer:
        super().consume(queue_name, prefetch, timeout)  # which checks the name
        letters = self.dead_letters_by_queue[queue_name]
        consumer = _Consumer(self.queues[queue_name], letters, prefetch, timeout)
        if queue_name == q_name(queue_name):
            consumer.admit = self._admit
        return consumer

    def cancel(self, message: dramatiq.Message[Any]) -> None:
        """Cancel a message, as :func:`barback.control.cancel` does on Redis."""
        self._state.cancel(message.message_id)

    def _admit(self, message: MessageProxy) -> bool:
        actor = self.actors.get(message.actor_name)
        room = None if actor is None else room_for(actor, message.args, message.kwargs)
        return room is None or self._state.admit(message, room)


class _State:
    """Who claims what, who holds which slot, and what is cancelled."""

    def __init__(self) -> None:
        #: Unique key → the id of the message that claims it, and until when at the least.
        self._claims: dict[str, tuple[str, float]] = {}
        #: How often each message is in a queue or in work.
        self._on_their_way: Counter[str] = Counter()
        self._started: defaultdict[str, set[str]] = defaultdict(set)
        self._starts: defaultdict[str, deque[float]] = defaultdict(deque)
        self._cancelled: set[str] = set()
        self._running: dict[str, RunningMessage] = {}
        self._lock = threading.RLock()

    def claim(self, message: dramatiq.Message[Any], control: dict[str, Any]) -> str | None:
        """The id of the message that is on its way instead of this one, if there is one."""
        key = control.get("unique")
        if key is None:
            return None
        now = time.monotonic()
        with self._lock:
            holder, until = self._claims.get(key, ("", 0.0))
            if holder == message.message_id:  # its retry, or it is due
                return None
            if self._on_their_way[holder] > 0 or now < until:
                if control["conflict"] == "return":
                    return holder
                if control["conflict"] == "raise":
                    raise AlreadyEnqueued(
                        f"A message for actor {message.actor_name!r} with the unique key {key!r} "
                        f"is on its way already: {holder}.",
                        message_id=holder,
                        redis_id="",
                    )
                if holder not in self._running:
                    self._cancelled.add(holder)
            self._claims[key] = (message.message_id, now + control.get("hold_ms", 0) / 1000)
        return None

    def sent(self, message: dramatiq.Message[Any]) -> None:
        with self._lock:
            self._on_their_way[message.message_id] += 1

    def start(self, message: MessageProxy, running: RunningMessage | None) -> None:
        """Note that a message starts.

        Raises:
          SkipMessage: When it is cancelled.
        """
        control = message.options.get("control") or {}
        with self._lock:
            if message.message_id in self._cancelled:
                raise SkipMessage("cancelled")
            if running is not None:
                self._running[message.message_id] = running
            if control.get("until_start"):
                self._claims.pop(control["unique"], None)

    def end(self, message: dramatiq.Message[Any] | MessageProxy) -> None:
        with self._lock:
            self._running.pop(message.message_id, None)
            self._on_their_way[message.message_id] -= 1
            for holders in self._started.values():
                holders.discard(message.message_id)

    def cancel(self, message_id: str) -> None:
        with self._lock:
            running = self._running.get(message_id)
            self._cancelled.add(message_id)
        if running is not None:
            running.cancel()

    def admit(self, message: MessageProxy, room: Room) -> bool:
        """Whether there is room for a message under its limit; if so, it is taken."""
        if message.message_id in self._cancelled:
            return True
        now = time.monotonic()
        with self._lock:
            holders, starts = self._started[room.key], self._starts[room.key]
            while starts and starts[0] <= now - room.rate_ms / 1000:
                starts.popleft()
            if room.at_once and len(holders) >= room.at_once:
                return False
            if room.rate and len(starts) >= room.rate:
                return False
            holders.add(message.message_id)
            starts.append(now)
            return True


class _Bookkeeping(Middleware):
    # ruff: noqa: ARG002 - the signatures are Dramatiq's
    def __init__(self, state: _State) -> None:
        self._state = state

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._state.start(message, current())

    def after_ack(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._state.end(message)

    after_nack = after_ack


class _Consumer(_StubConsumer):
    """Keeps those apart that have to wait for room, so that the others go on."""

    #: None for a delay queue.
    admit: Callable[[MessageProxy], bool] | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)  # type: ignore[no-untyped-call]
        self._parked: deque[MessageProxy] = deque()

    def __next__(self) -> MessageProxy | None:
        if self.admit is None:
            return super().__next__()  # type: ignore[no-any-return, no-untyped-call]
        for message in list(self._parked):
            if self.admit(message):
                self._parked.remove(message)
                self.prefetch_semaphore.acquire()
                return message
        found: MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
        if found is not None and not self.admit(found):
            self._parked.append(found)
            self.prefetch_semaphore.release()
            return None
        return found

    def nack(self, message: MessageProxy) -> None:
        was_cancelled = isinstance(message._exception, Cancelled)  # noqa: SLF001 - see running.py
        end = self.ack if was_cancelled else super().nack
        end(message)  # type: ignore[no-untyped-call]
