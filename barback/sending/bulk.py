"""Many messages at once."""

from __future__ import annotations

import reprlib
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import dramatiq
import redis

from barback.errors import BulkEnqueueFailed, NotConfirmed
from barback.messages.ids import new_id, random_digits
from barback.sending.guarding import is_unique
from barback.sending.preparing import (
    as_sent,
    check_delay,
    encode,
    encode_sent,
    is_of_own_class,
    priority_of,
    with_id,
)
from barback.store.calls import Guard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barback.connection.confirmation import Confirmation
    from barback.connection.connection import RedisConnection
    from barback.connection.script import Argument, Command
    from barback.sending.sender import Sender

#: How many messages travel in one script call. Redis serves nobody else while it runs: 500
#: messages take it less than a millisecond.
CHUNK_SIZE = 500

Sent = list[dramatiq.Message[Any]]


def send_many(
    actor: dramatiq.Actor[..., Any],
    arguments: Iterable[tuple[Any, ...] | list[Any] | Mapping[str, Any]],
) -> int:
    """Send an actor many messages.

    Parameters:
      actor: The actor.
      arguments: For each message a tuple or list of positional, or a mapping of keyword arguments.

    Returns:
      How many messages were sent: all of them.

    Raises:
      BulkEnqueueFailed: When some were not; it tells how many were.
    """
    return enqueue_all(actor.broker, (_message_of(actor, each) for each in arguments))


def _message_of(actor: dramatiq.Actor[..., Any], arguments: object) -> dramatiq.Message[Any]:
    if isinstance(arguments, Mapping):
        return actor.message(**arguments)
    if isinstance(arguments, (tuple, list)):
        return actor.message(*arguments)
    raise TypeError(
        "Expected for each message a tuple, such as (1,), or a mapping of its arguments, "
        f"got {reprlib.repr(arguments)}."
    )


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
      sender: What sends single messages.
      delay_ms: How long each message is to wait, or None.
      confirmation: What each chunk is confirmed by, or None.
    """

    def __init__(
        self, sender: Sender, delay_ms: int | None, confirmation: Confirmation | None
    ) -> None:
        self._sender = sender
        self._store = sender.store
        self._hooks = sender.hooks
        self._delay_ms = delay_ms
        self._confirmation = confirmation
        #: By shard: on a cluster each queue has a server of its own.
        self._connections: dict[str, RedisConnection] = {}
        self._enqueued = 0
        #: The chunk that was sent and not answered yet: its size, its messages where somebody wants
        #: to see them, and how many answers come over which connection.
        self._under_way: tuple[int, Sent, dict[str, int]] | None = None

    def run(self, messages: Iterable[dramatiq.Message[Any]]) -> int:
        """See :meth:`barback.RedisBroker.enqueue_many`."""
        check_delay(self._delay_ms)
        self._sender.check_server(self._confirmation)
        iterator = iter(messages)
        try:
            while chunk := list(islice(iterator, CHUNK_SIZE)):
                self._send(chunk)
            self._await_answers()
        except Exception as error:  # also what the program raises while it makes the messages
            self._await_last_answers()
            raise BulkEnqueueFailed(
                f"Only the first {self._enqueued:,} were enqueued for certain: {error}",
                enqueued=self._enqueued,
            ) from error
        finally:
            for connection in self._connections.values():
                connection.close()
        return self._enqueued

    def _send(self, chunk: Sent) -> None:
        sent, commands = self._prepare(chunk)
        self._await_answers()
        for shard, of_shard in commands.items():
            self._connections[shard].send(*of_shard)
        answers = {shard: len(of_shard) for shard, of_shard in commands.items()}
        self._under_way = (len(chunk), sent, answers)

    def _prepare(self, chunk: Sent) -> tuple[Sent, dict[str, list[Command]]]:
        hooks, delay_ms = self._hooks, self._delay_ms
        has_hooks = bool(hooks.hooks_before("enqueue") or hooks.hooks_after("enqueue"))
        max_bytes = self._sender.max_message_bytes
        sent: Sent = []
        arguments: defaultdict[str, list[Argument]] = defaultdict(list)
        for message, digits in zip(chunk, random_digits(len(chunk)), strict=True):
            if delay_ms is None and "eta" in message.options:  # due when no other is
                self._sender.enqueue(message, confirmation=self._confirmation)
                continue
            priority = priority_of(message, hooks.actors)
            redis_id = new_id(message.message_id, priority, digits=digits)
            fields = with_id(message, redis_id)
            if has_hooks or is_of_own_class(message) or "control" in message.options:
                copy = as_sent(message, fields, delay_ms)
                hooks.emit_before("enqueue", copy, delay_ms)
                payload = encode_sent(fields, copy, max_bytes)
                if is_unique(copy):  # sent alone: who sent it has to hear of another one
                    self._sender.enqueue_guarded(
                        copy, payload, Guard(), delay_ms=delay_ms, confirmation=self._confirmation
                    )
                    continue
                sent.append(copy)
            else:
                payload = encode(fields, max_bytes)
            arguments[message.queue_name] += (redis_id, payload)
            if delay_ms is not None:
                arguments[message.queue_name].append(max(delay_ms, 0))
        for queue_name in arguments:
            self._sender.prepare_server(queue_name, self._confirmation)
        return sent, self._commands(arguments)

    def _commands(self, arguments: Mapping[str, list[Argument]]) -> dict[str, list[Command]]:
        """The commands of a chunk, by shard."""
        commands: dict[str, list[Command]] = {}
        for queue_name, args in arguments.items():
            shard = self._store.shard(queue_name)
            if shard not in self._connections:
                self._connections[shard] = self._store.connection(queue_name)
            calls = self._store.calls(queue_name)
            prepare = calls.enqueueing if self._delay_ms is None else calls.delaying
            script, keys, args_in_order = prepare(args)
            commands.setdefault(shard, []).append(script.by_source(keys, args_in_order))
        if self._confirmation is not None:
            for of_shard in commands.values():
                of_shard.append(self._confirmation.command)
        return commands

    def _await_answers(self) -> None:
        """Wait for the answers to the chunk that is under way."""
        if self._under_way is None:
            return
        (size, sent, answers), self._under_way = self._under_way, None
        for shard, count in answers.items():
            last = [self._connections[shard].read() for _ in range(count)][-1]
            if self._confirmation is not None and not self._confirmation.is_given_by(last):
                raise NotConfirmed(self._confirmation.what)
        self._enqueued += size
        for message in sent:
            self._hooks.emit_after("enqueue", message, self._delay_ms)

    def _await_last_answers(self) -> None:
        """After a failure: count the chunk that may have succeeded all the same."""
        try:
            self._await_answers()
        except (redis.RedisError, NotConfirmed):
            self._under_way = None
