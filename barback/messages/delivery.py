"""A message on its way through a worker."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq import MessageProxy

from barback.messages.encoding import decode_fields
from barback.messages.ids import next_id
from barback.messages.plain import plain_message
from barback.printable import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.messages.room import Room

#: How much of a message is shown in a log, in characters.
MAX_SHOWN_LENGTH = 1_000

_FIELDS = (
    "queue_name",
    "actor_name",
    "args",
    "kwargs",
    "options",
    "message_id",
    "message_timestamp",
)


@dataclass(frozen=True, eq=False)
class FollowUp:
    """A message that is to be sent in the same step that finishes another one.

    Parameters:
      redis_id: The id of its entry in Redis.
      payload: The encoded message.
      delay_ms: When it is due, in milliseconds from then on, or None for at once.
    """

    redis_id: str
    payload: bytes
    delay_ms: int | None


#: Held while something is noted of a message that few have. It is one for all.
_noting = threading.Lock()


class Delivery(MessageProxy):
    """A message that a worker holds.

    Parameters:
      fields: The decoded fields of the message.
      redis_id: The id of its entry in Redis.
      crashes: How often a worker died while it held this message.
      worker_id: The worker that holds it.
      origin: The store that it came from.

    Attributes:
      is_finished: Whether Redis has been told how it ended, or is about to be.
      is_followed: Whether a retry of it was sent in the step that finished it.
      room: How much room it has under its limit, as its worker has found; None: it has no limit.
      refusal: What it is to fail with instead of running.
      progress: How far its actor has said that it is, once that has ended.
      started_at: When a thread began to work on it, on the monotonic clock.
      thread_id: That thread.
      running: What :mod:`barback.control` keeps of it meanwhile, once it is asked.
      runs_alone: Whether this process runs no other poison message beside it.
    """

    # One is made for each message, so what few have stands here, and not in the constructor.

    #: The message itself, once somebody has asked for it or has replaced it.
    inner: dramatiq.Message[Any] | None = None

    failed = False
    _exception = None
    #: The unique key and what goes with it.
    control: dict[str, Any] | None = None
    #: How often it had been retried when it arrived: the retry middleware counts on in the options.
    earlier_retries: Any = None
    progress: dict[str, Any] | None = None
    room: Room | None = None
    refusal: Exception | None = None
    is_finished = False
    is_followed = False
    runs_alone = False
    started_at = 0.0
    thread_id = 0
    running: Any = None
    _follow_ups: list[FollowUp] | None = None
    _has_given_next_id = False

    # Plain attributes: MessageProxy looks each of them up in the message through __getattr__,
    # which is ten times slower, and a worker reads them a dozen times for each message.
    def __init__(
        self,
        fields: dict[str, Any],
        redis_id: str,
        *,
        crashes: int = 0,
        worker_id: str = "",
        origin: object = None,
    ) -> None:
        self.queue_name = fields["queue_name"]
        self.actor_name = fields["actor_name"]
        self.args = tuple(fields["args"])
        self.kwargs = fields["kwargs"]
        self.options = options = fields["options"]
        self.message_id = fields["message_id"]
        self.message_timestamp = fields["message_timestamp"]
        self.redis_id = redis_id
        self.crashes = crashes
        self.worker_id = worker_id
        self.origin = origin
        if len(options) > 1:  # the first is the id
            self.control = options.get("control")
            self.earlier_retries = options.get("retries")

    @property
    def _message(self) -> dramatiq.Message[Any]:
        """The message itself, which is made only when somebody wants more than its fields."""
        if self.inner is None:
            self.inner = plain_message({name: getattr(self, name) for name in _FIELDS})
        return self.inner

    @_message.setter
    def _message(self, message: dramatiq.Message[Any]) -> None:  # middleware may replace it
        self.inner = message
        for name in _FIELDS:
            setattr(self, name, getattr(message, name))

    def __str__(self) -> str:
        """For the log. Whoever has sent it has chosen its names."""
        return shortened(printable(str(self._message)), MAX_SHOWN_LENGTH)

    @property
    def ends_plainly(self) -> bool:
        """Whether all that has to be done at its end is to acknowledge it."""
        return not (self.crashes or self.control or self.room or self._exception)

    @property
    def will_be_followed(self) -> bool:
        """Whether a message is sent in the step that finishes this one."""
        return bool(self._follow_ups)

    def take_next_id(self, priority: int) -> str | None:
        """The id for the entry that follows this one, its retry as a rule; None for all but the
        first, and where this one's id is none of ours.
        """
        with _noting:
            if self._has_given_next_id:
                return None
            self._has_given_next_id = True
        return next_id(self.redis_id, priority)

    def add_follow_up(self, follow_up: FollowUp) -> bool:
        """Have a message sent in the step that finishes this one: its retry, as a rule.

        Returns:
          Whether it will be; else this message is finished already. Any thread may ask, while
          another finishes the message without a lock, which all messages would pay for. Each of
          the two writes first and then reads what the other has written, and takes a follow-up off
          the list in one step, so one of them does.
        """
        with _noting:
            if self._follow_ups is None:
                self._follow_ups = []
            self._follow_ups.append(follow_up)
        if not self.is_finished:
            return True
        try:
            self._follow_ups.remove(follow_up)
        except ValueError:  # the thread that finished this message has taken it
            return True
        return False

    def finish(self, *, drops_follow_ups: bool = False) -> Sequence[FollowUp]:
        """Note that this message is about to be finished, and take what follows from it."""
        self.is_finished = True
        if self._follow_ups is None:
            return ()
        taken: list[FollowUp] = []
        while self._follow_ups:
            with contextlib.suppress(IndexError):
                taken.append(self._follow_ups.pop())
        if drops_follow_ups:
            return ()
        self.is_followed = bool(taken)
        return taken[::-1]

    def follow_by(self, follow_up: FollowUp) -> None:
        """Have only this message follow, whatever was to follow before."""
        self._follow_ups = [follow_up]


def decode(
    payload: bytes,
    *,
    redis_id: str,
    queue_name: str,
    crashes: int = 0,
    worker_id: str = "",
    origin: object = None,
) -> Delivery:
    """Make a delivery of what stood in the queue.

    Parameters:
      payload: The bytes.
      redis_id: The id of their entry in Redis.
      queue_name: The queue.
      crashes: See :class:`Delivery`.
      worker_id: Likewise.
      origin: Likewise.

    Raises:
      UndecodablePayload: When it is not a message.
    """
    fields = decode_fields(payload)
    options = fields["options"]
    # Another program may have put it there by hand, or stock Dramatiq delayed it. A worker finds
    # the consumer to acknowledge to by the name of the queue.
    fields["queue_name"] = queue_name
    options.pop("eta", None)
    # Nor may it say to be another one, which somebody may cancel or look for.
    options["redis_message_id"] = redis_id
    return Delivery(fields, redis_id, crashes=crashes, worker_id=worker_id, origin=origin)


def as_delivery(message: MessageProxy) -> Delivery:
    """The delivery that a worker hands back: what it was given, as a rule; middleware and tests
    also hand in plain messages and proxies of their own.
    """
    if isinstance(message, Delivery):
        return message
    inner = getattr(message, "_message", message)
    if isinstance(inner, Delivery):
        return inner
    fields = {name: getattr(message, name) for name in _FIELDS}
    delivery = Delivery(fields, message.options["redis_message_id"])
    delivery.failed = bool(getattr(message, "failed", False))
    return delivery
