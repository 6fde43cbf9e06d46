"""What this process runs right now: who it is, how far it is, and whether it should stop."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dramatiq.middleware.threading import Interrupt

from barback.control.interrupting import interrupt_of_this_thread
from barback.messages.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import dramatiq
    from dramatiq import MessageProxy

#: The longest text of a progress that is shown, in characters.
MAX_TEXT_CHARACTERS = 200


class Cancelled(Interrupt):
    """The message is cancelled, and its actor should stop.

    As Dramatiq's other interrupts it is no :class:`Exception`, so that ``except Exception`` in an
    actor does not swallow it. The message is neither retried nor a dead letter.
    """


@dataclass(frozen=True)
class Progress:
    """How far a message is, as its actor has said.

    Parameters:
      done: How many steps are done.
      total: How many there are, or None where nobody knows.
      text: What the actor says about it.
    """

    done: float
    total: float | None = None
    text: str = ""


#: Held while a thread is interrupted or says that it must not be, and while somebody asks for a
#: :class:`RunningMessage`. It is one for all: hardly a message needs it.
_interrupting = threading.Lock()


class RunningMessage:
    """A message in the hands of a worker thread.

    Parameters:
      message: The message.
      thread_id: The thread.
      started_at: Since when, on the monotonic clock.
    """

    __slots__ = (
        "_interrupt",
        "cancelled_at",
        "message",
        "progress",
        "started_at",
        "thread_id",
    )

    def __init__(self, message: MessageProxy, thread_id: int, started_at: float) -> None:
        self.message = message
        self.thread_id = thread_id
        self.started_at = started_at
        self.progress: Progress | None = None
        self.cancelled_at: float | None = None
        self._interrupt: Callable[[type[Interrupt]], bool] | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    def cancel(self) -> None:
        """Ask the actor to stop, and interrupt it where it may be interrupted. Called again and
        again while it goes on.
        """
        with _interrupting:
            if self.cancelled_at is None:
                self.cancelled_at = time.monotonic()
            self._interrupt_if_due()

    def begin_interruptible(self) -> None:
        """From now on, a cancellation interrupts the thread that calls this."""
        with _interrupting:
            self._interrupt = interrupt_of_this_thread()
            self._interrupt_if_due()

    def end_interruptible(self) -> None:
        """The actor has ended: what its thread does now must not be interrupted."""
        with _interrupting:
            self._interrupt = None

    def describe(self, thread_names: Mapping[int | None, str]) -> dict[str, Any]:
        """What others may know of it. Times are durations: clocks of machines differ."""
        now = time.monotonic()
        message = self.message
        return {
            "id": message.options.get("redis_message_id"),
            "message_id": message.message_id,
            "queue_name": message.queue_name,
            "actor_name": message.actor_name,
            "thread": thread_names.get(self.thread_id),
            "running_seconds": round(now - self.started_at, 3),
            "attempt": (message.options.get("retries") or 0) + 1,
            "max_retries": max_retries_in(message.options),
            "progress": None if self.progress is None else vars(self.progress),
            "cancelled_seconds": None if self.cancelled_at is None else now - self.cancelled_at,
        }

    def _interrupt_if_due(self) -> None:
        if self._interrupt is not None and self.is_cancelled and self._interrupt(Cancelled):
            self._interrupt = None  # once is enough


#: The message that the code which asks belongs to; coroutines of an actor have it, too.
_current: ContextVar[Delivery | RunningMessage | None] = ContextVar("barback_running", default=None)


def current() -> RunningMessage | None:
    """The message that this thread or coroutine works on; None outside of actors."""
    message = _current.get()
    return running_of(message) if isinstance(message, Delivery) else message


def enter(message: MessageProxy) -> RunningMessage:
    """Note that this thread begins to work on a message which is no delivery: in tests."""
    running = RunningMessage(message, threading.get_ident(), time.monotonic())
    _current.set(running)
    return running


def running_of(delivery: Delivery) -> RunningMessage:
    """What a delivery is while it runs. Few are asked, so it is made for those alone."""
    with _interrupting:
        if delivery.running is None:
            delivery.running = RunningMessage(delivery, delivery.thread_id, delivery.started_at)
        running: RunningMessage = delivery.running
        return running


def leave() -> None:
    """Note that this thread has done its work."""
    _current.set(None)


def max_retries_in(options: Mapping[str, Any]) -> int | None:
    """How many retries a message has, where it says so itself, or its latest retry does."""
    most = options.get("max_retries")
    if most is None and options.get("max_attempts") is not None:
        most = options["max_attempts"] - 1
    return int(most) if most is not None and math.isfinite(most) else None


def expect_cancellation(actor: dramatiq.Actor[Any, Any]) -> None:
    """Have Dramatiq take :class:`Cancelled` for an end that is no failure to be retried.

    It is an option of the actor: those of a message are encoded with its callbacks.
    """
    throws = actor.options.get("throws") or ()
    others = throws if isinstance(throws, tuple) else (throws,)
    if Cancelled not in others:
        actor.options["throws"] = (*others, Cancelled)


def was_cancelled(message: MessageProxy) -> bool:
    """Whether a message has ended because it was cancelled."""
    error = message._exception  # noqa: SLF001 - where Dramatiq's worker puts it
    return isinstance(error, Cancelled)


class RunningMessages:
    """What the threads of one worker run.

    Worker threads add what they start. Nothing is removed when a message ends, since it knows that
    itself: the next message of the same thread takes its place.
    """

    def __init__(self) -> None:
        self._by_thread: dict[int, Delivery] = {}
        #: The ids of messages that should stop and that no thread has started yet.
        self.unstarted_cancelled: frozenset[str] = frozenset()
        self._unstarted_by_shard: dict[str, frozenset[str]] = {}

    def enter(self, delivery: Delivery) -> None:
        """Called by a worker thread before it runs a message."""
        delivery.started_at = time.monotonic()
        delivery.thread_id = thread_id = threading.get_ident()
        _current.set(delivery)
        self._by_thread[thread_id] = delivery

    def cancel(self, shard: str, redis_ids: Iterable[str]) -> None:
        """Have messages stop: all that should of the queues of a shard. Called again and again
        while they go on.
        """
        ids = frozenset(redis_ids)
        running = {_id_of(it): it for it in self._living()} if ids else {}
        for redis_id in ids & running.keys():
            running[redis_id].cancel()
        self._unstarted_by_shard[shard] = ids - running.keys()
        self.unstarted_cancelled = frozenset().union(*self._unstarted_by_shard.values())

    def by_queue(self, queue_names: Iterable[str]) -> dict[str, str]:
        """What the threads run of each queue, for others, as JSON; empty for nothing."""
        texts = dict.fromkeys(queue_names, "")
        living = self._living()
        if not living:
            return texts
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        descriptions: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for running in living:
            descriptions[running.message.queue_name].append(running.describe(names))
        for queue_name in texts.keys() & descriptions.keys():
            texts[queue_name] = json.dumps(descriptions[queue_name], default=repr)
        return texts

    def _living(self) -> list[RunningMessage]:
        return [running_of(it) for it in list(self._by_thread.values()) if not it.is_finished]


def _id_of(running: RunningMessage) -> str:
    return str(running.message.options.get("redis_message_id"))
