"""Many messages at once."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import dramatiq
import redis

from barback import lua
from barback.errors import BulkEnqueueFailed
from barback.link import Argument, Command, Link, eval_source
from barback.payload import as_sent, as_stored, encode, new_ids, with_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from barback.broker import RedisBroker

#: How many messages travel in one script call. Redis serves nobody else while it runs: 500
#: messages take it less than a millisecond.
CHUNK_SIZE = 500

Sent = list[dramatiq.Message[Any]]


def send_many(
    actor: dramatiq.Actor[..., Any], arguments: Iterable[tuple[Any, ...] | Mapping[str, Any]]
) -> int:
    """Send an actor many messages.

    Parameters:
      actor: The actor.
      arguments: For each message a tuple of positional or a mapping of keyword arguments.

    Returns:
      How many messages were sent: all of them.

    Raises:
      BulkEnqueueFailed: When some were not; it tells how many were.
    """
    messages = (
        actor.message(*each) if isinstance(each, tuple) else actor.message(**each)
        for each in arguments
    )
    return enqueue_all(actor.broker, messages)


def enqueue_all(
    broker: dramatiq.Broker,
    messages: Iterable[dramatiq.Message[Any]],
    *,
    delay_ms: int | None = None,
) -> int:
    """Enqueue many messages on any broker: on a StubBroker in tests, one by one.

    See :meth:`barback.RedisBroker.enqueue_many`.
    """
    if hasattr(broker, "enqueue_many"):
        return int(broker.enqueue_many(messages, delay=delay_ms))
    return len([broker.enqueue(message, delay=delay_ms) for message in messages])


class BulkEnqueue:
    """Sends messages in chunks, the next one while Redis is busy with the last.

    Parameters:
      broker: The broker.
      delay_ms: How long each message is to wait, or None.
    """

    def __init__(self, broker: RedisBroker, delay_ms: int | None) -> None:
        self._broker = broker
        self._delay_ms = delay_ms
        self._link = Link(broker.client)
        self._enqueued = 0
        #: The chunk that was sent and not answered yet: its size, its messages where somebody wants
        #: to see them, and how many answers it gets.
        self._under_way: tuple[int, Sent, int] | None = None

    def run(self, messages: Iterable[dramatiq.Message[Any]]) -> int:
        """See :meth:`barback.RedisBroker.enqueue_many`."""
        iterator = iter(messages)
        try:
            while chunk := list(islice(iterator, CHUNK_SIZE)):
                self._send(chunk)
            self._confirm()
        except Exception as error:  # also what the program raises while it makes the messages
            self._confirm_rest()
            raise BulkEnqueueFailed(
                f"Only the first {self._enqueued:,} messages were enqueued for certain: {error}",
                enqueued=self._enqueued,
            ) from error
        finally:
            self._link.close()
        return self._enqueued

    def _send(self, chunk: Sent) -> None:
        sent, commands = self._prepare(chunk)
        self._confirm()
        self._link.send(*commands)
        self._under_way = (len(chunk), sent, len(commands))

    def _prepare(self, chunk: Sent) -> tuple[Sent, list[Command]]:
        broker, delay_ms = self._broker, self._delay_ms
        has_hooks = bool(broker.hooks_before("enqueue") or broker.hooks_after("enqueue"))
        sent: Sent = []
        arguments: defaultdict[str, list[Argument]] = defaultdict(list)
        for message, redis_id in zip(chunk, new_ids(len(chunk)), strict=True):
            fields = with_id(message, redis_id)
            if has_hooks:
                copy = as_sent(fields, delay_ms)
                broker.emit_before("enqueue", copy, delay_ms)
                sent.append(copy)
                fields = as_stored(fields, copy)
            arguments[message.queue_name] += (redis_id, encode(fields, broker.max_message_bytes))
            if delay_ms is not None:
                arguments[message.queue_name].append(max(delay_ms, 0))
        return sent, list(self._commands(arguments))

    def _commands(self, arguments: Mapping[str, list[Argument]]) -> Iterator[Command]:
        for queue_name, args in arguments.items():
            keys = self._broker.keys(queue_name)
            if self._delay_ms is None:
                yield eval_source(lua.ENQUEUE, (keys.queue, keys.messages), args)
            else:
                yield eval_source(lua.DELAY, (keys.delayed_messages, keys.due, keys.wake), args)

    def _confirm(self) -> None:
        """Wait for the answer to the chunk that is under way."""
        if self._under_way is None:
            return
        (size, sent, answers), self._under_way = self._under_way, None
        for _ in range(answers):
            self._link.read()
        self._enqueued += size
        for message in sent:
            self._broker.emit_after("enqueue", message, self._delay_ms)

    def _confirm_rest(self) -> None:
        """After a failure: count the chunk that may have succeeded all the same."""
        try:
            self._confirm()
        except redis.RedisError:
            self._under_way = None
