"""Sends messages, one at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from dramatiq.common import q_name
from dramatiq.middleware import GroupCallbacks, Retries

from barback.errors import BrokerUnavailable, MessageRejected, is_away_or_full, unavailable
from barback.messages.delivery import Delivery, FollowUp
from barback.messages.ids import new_id
from barback.sending.guarding import in_place_of, is_unique, with_unique_key
from barback.sending.preparing import (
    as_sent,
    delay_of,
    encode,
    encode_sent,
    priority_of,
    token_ttl_ms,
    with_id,
)
from barback.store.calls import Guard
from barback.store.checks import check_store

if TYPE_CHECKING:
    import dramatiq
    from dramatiq import MessageProxy
    from dramatiq.middleware import Middleware

    from barback.connection.confirmation import Confirmation
    from barback.speedups.hooks import HookedBroker
    from barback.store.store import Store

#: How long a message waits to run again, in milliseconds, when what follows could not be enqueued.
RUN_AGAIN_DELAY_MS = 1_000

#: How often a producer notes anew that a queue exists, in seconds.
REGISTER_SECONDS = 60.0


class Sender:
    """Sends messages.

    Parameters:
      store: Where to.
      hooks: Calls the hooks of middleware.
      max_message_bytes: The largest message that is accepted, encoded.
      confirmation: What has to have happened before a send returns, or None.
    """

    def __init__(
        self,
        store: Store,
        hooks: HookedBroker,
        *,
        max_message_bytes: int,
        confirmation: Confirmation | None,
    ) -> None:
        self.store = store
        self.hooks = hooks
        self.max_message_bytes = max_message_bytes
        self.confirmation = confirmation
        #: For what kind of confirmation which client was checked; the broker may be given another.
        self._checked: dict[Confirmation | None, redis.Redis] = {}
        self._register_at: dict[str, float] = {}

    def enqueue(
        self,
        message: dramatiq.Message[Any] | MessageProxy,
        *,
        delay_ms: int | None = None,
        confirmation: Confirmation | None = None,
    ) -> dramatiq.Message[Any]:
        """See :meth:`barback.RedisBroker.enqueue`."""
        delay_ms = delay_of(message, delay_ms)
        confirmation = confirmation or self.confirmation
        redis_id, sent, payload = self._prepare(message, delay_ms)
        if not self._follows(message, redis_id, payload, delay_ms):
            if is_unique(sent):
                guarded = self.enqueue_guarded(
                    sent, payload, Guard(), delay_ms=delay_ms, confirmation=confirmation
                )
                return guarded or sent  # None is the answer to a used token alone
            calls = self.store.calls(message.queue_name)
            invocation = (
                calls.enqueueing((redis_id, payload))
                if delay_ms is None
                else calls.delaying((redis_id, payload, max(delay_ms, 0)))
            )
            self.prepare_server(message.queue_name, confirmation)
            try:
                calls.send(invocation, confirmation)
            except redis.RedisError as error:
                raise unavailable(error) from error
        self.hooks.emit_after("enqueue", sent, delay_ms)
        return sent

    def enqueue_once(
        self,
        message: dramatiq.Message[Any],
        *,
        token: str,
        ttl_seconds: float,
        confirmation: Confirmation | None = None,
    ) -> dramatiq.Message[Any] | None:
        """See :meth:`barback.RedisBroker.enqueue_once`."""
        guard = Guard(token=token, token_ttl_ms=token_ttl_ms(ttl_seconds))
        confirmation = confirmation or self.confirmation
        delay_ms = delay_of(message, None)
        _, sent, payload = self._prepare(message, delay_ms)
        holder = self.enqueue_guarded(
            sent, payload, guard, delay_ms=delay_ms, confirmation=confirmation
        )
        return holder if holder is sent else None

    def enqueue_guarded(
        self,
        sent: dramatiq.Message[Any],
        payload: bytes,
        guard: Guard,
        *,
        delay_ms: int | None = None,
        confirmation: Confirmation | None,
    ) -> dramatiq.Message[Any] | None:
        """Send a message unless its guard or its unique key says otherwise.

        Returns:
          The message as it was sent; or the one that has the unique key, in its place; or None when
          the token had been used.

        Raises:
          AlreadyEnqueued: When another one has the unique key, and the actor wants this error.
        """
        guard = with_unique_key(guard, sent)
        queue_name = q_name(sent.queue_name)
        redis_id = sent.options["redis_message_id"]
        self.prepare_server(queue_name, confirmation)
        try:
            holder = self.store.calls(queue_name).enqueue_guarded(
                redis_id,
                payload,
                message_id=sent.message_id,
                delay_ms=delay_ms,
                guard=guard,
                confirmation=confirmation,
            )
        except redis.RedisError as error:
            raise unavailable(error) from error
        if holder is None:
            return None
        if holder[0] != redis_id:
            return in_place_of(sent, *holder)
        self.hooks.emit_after("enqueue", sent, delay_ms)
        return sent

    def keep_alive(self, message: MessageProxy, middleware: Middleware, error: Exception) -> None:
        """Keep a message alive when what follows from it (its retry, the next of its pipeline, the
        count of its group) could not be sent. Dramatiq would acknowledge it.

        Parameters:
          message: The message.
          middleware: Whose hook failed.
          error: What it failed with.
        """
        if not isinstance(message, Delivery):
            return
        is_uncounted = isinstance(middleware, GroupCallbacks) and is_away_or_full(error)
        is_refused = isinstance(error, MessageRejected) or isinstance(middleware, Retries)
        if is_uncounted or isinstance(error, BrokerUnavailable):
            redis_id = self._id_for(message)
            payload = encode(with_id(message, redis_id), self.max_message_bytes)
            message.follow_by(FollowUp(redis_id, payload, RUN_AGAIN_DELAY_MS))
            message.failed = False  # it runs again, so it is no dead letter yet
        elif is_refused and not message.will_be_followed:  # else it is tried again, too
            message.stuff_exception(error)
            message.fail()

    def prepare_server(self, queue_name: str, confirmation: Confirmation | None) -> None:
        """Check the server before the first message, and note now and then that a queue exists.

        Parameters:
          queue_name: The queue.
          confirmation: What a message is to be confirmed by, or None.

        Raises:
          BrokerUnavailable: When it cannot be asked.
          UnsuitableServer: When messages would not be safe on it.
        """
        self.check_server(confirmation)
        now = time.monotonic()
        if now < self._register_at.get(queue_name, 0.0):
            return
        try:
            self.store.register([queue_name])
        except redis.RedisError as error:
            raise unavailable(error) from error
        self._register_at[queue_name] = now + REGISTER_SECONDS

    def check_server(self, confirmation: Confirmation | None) -> None:
        """Check the server, unless that has been done; raises as :meth:`prepare_server`."""
        client = self.store.given_client
        if self._checked.get(confirmation) is client:
            return
        try:
            check_store(self.store, confirmation)
        except redis.RedisError as error:
            raise unavailable(error) from error
        if client not in self._checked.values():
            self._register_at.clear()
        self._checked[confirmation] = client

    def _prepare(
        self, message: dramatiq.Message[Any] | MessageProxy, delay_ms: int | None
    ) -> tuple[str, dramatiq.Message[Any], bytes]:
        redis_id = self._id_for(message)
        fields = with_id(message, redis_id)
        sent = as_sent(message, fields, delay_ms)
        self.hooks.emit_before("enqueue", sent, delay_ms)
        return redis_id, sent, encode_sent(fields, sent, self.max_message_bytes)

    def _id_for(self, message: dramatiq.Message[Any] | MessageProxy) -> str:
        priority = priority_of(message, self.hooks.actors)
        if isinstance(message, Delivery) and message.origin is self.store:
            following = message.take_next_id(priority)
            if following is not None:
                return following
        return new_id(message.message_id, priority)

    def _follows(
        self,
        message: dramatiq.Message[Any] | MessageProxy,
        redis_id: str,
        payload: bytes,
        delay_ms: int | None,
    ) -> bool:
        """Whether a message is one that a worker of this broker has not finished yet. What is
        enqueued from it then travels with its end.
        """
        return (
            isinstance(message, Delivery)
            and message.origin is self.store
            and message.add_follow_up(FollowUp(redis_id, payload, delay_ms))
        )
