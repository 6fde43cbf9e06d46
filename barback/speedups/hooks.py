"""Middleware hooks, called only where there is something to call.

Dramatiq calls every hook of every middleware four times for a message, though most of them are
the empty ones of the base class. With the default middleware that is half of a worker's time per
message. Here it is looked up once which hooks a middleware does implement. The hook itself is
looked up at each call, so that one that is patched or replaced meanwhile is called.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from dramatiq import Broker
from dramatiq.middleware import (
    GroupCallbacks,
    Middleware,
    MiddlewareError,
    ShutdownNotifications,
    TimeLimit,
)
from dramatiq.middleware import Pipelines as DramatiqPipelines
from dramatiq.results import Results

from barback.errors import is_away, is_away_or_full
from barback.printable import first_line
from barback.speedups.pipelines import Pipelines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Hooks = list[tuple[Middleware, str]]


#: What keeps what others wait for: a result, or how many of a group are left. Were that left out,
#: they would wait for ever, since the message itself ends well.
KEEPERS = (Results, GroupCallbacks)

#: For how long such a hook is called anew while its server is away, in seconds.
INSIST_SECONDS = 60.0

#: The same once a worker was told to stop, which somebody kills if it takes too long, in seconds.
LAST_INSIST_SECONDS = 5.0

#: The first and the longest pause between such calls, in seconds.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

#: How often the log is told of one that a server refuses, at the most, in seconds.
TELL_SECONDS = 60.0

#: What no middleware can object to any more: an error of a hook would leave the message with its
#: worker, or the worker at its end with what it holds.
ENDS = frozenset(
    ["ack", "nack", "consumer_thread_shutdown", "worker_shutdown", "worker_thread_shutdown"]
)


#: What interrupts the thread of an actor. When that has ended, these hooks are called before all
#: others: a time limit that strikes while a retry is sent, or a result is kept, would undo that.
INTERRUPTERS = (TimeLimit, ShutdownNotifications)


class Implementations(dict[str, "Hooks"]):
    """By signal: which of some middleware have a hook for it, looked up when that is first wanted.

    Parameters:
      middleware: The middleware, in the order in which their hooks are called.
      prefix: What the names of the hooks begin with.
    """

    def __init__(self, middleware: Sequence[Middleware], prefix: str) -> None:
        self._middleware = middleware
        self._prefix = prefix

    def __missing__(self, signal: str) -> Hooks:
        hooks = self[signal] = _implemented(self._middleware, self._prefix + signal)
        return hooks


class Refusals:
    """Counts what a server refuses: a full one does so for each message that workers drain."""

    def __init__(self) -> None:
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def to_tell(self, what: str) -> int:
        """Count one; returns how many the log is to be told of now, 0 when it was told lately."""
        with self._lock:
            self._untold[what] += 1
            now = time.monotonic()
            if now - self._told_at.get(what, float("-inf")) < TELL_SECONDS:
                return 0
            self._told_at[what] = now
            return self._untold.pop(what)


class HookTable:
    """The hooks of some middleware.

    When middleware is added, a new table takes the place of the old one, so that threads which
    still fill the old one never mix the two.
    """

    def __init__(self, middleware: list[Middleware]) -> None:
        self.middleware = middleware
        self.before = Implementations(middleware, "before_")
        inwards = middleware[::-1]
        inwards.sort(key=lambda it: not isinstance(it, INTERRUPTERS))
        self.after = Implementations(inwards, "after_")
        self.refusals = Refusals()


class HookedBroker(Broker):
    """A broker whose ``emit_before`` and ``emit_after`` mean what Dramatiq's mean, but faster."""

    _hooks: HookTable

    #: What the broker itself does before the hooks of a signal, and after them.
    _own_before: dict[str, Callable[..., None]]
    _own_after: dict[str, Callable[..., None]]

    #: Whether a worker was told to stop and has not yet.
    _is_stopping: Callable[[], bool] = staticmethod(lambda: False)

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        if signal in self._own_before:
            self._own_before[signal](*args)
        for middleware, name in self.hooks_before(signal):
            try:
                getattr(middleware, name)(self, *args, **kwargs)
            except Exception as error:
                if isinstance(error, MiddlewareError) and signal not in ENDS:
                    raise
                self._report_failure(name, middleware, error)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        for middleware, name in self.hooks_after(signal):
            try:
                getattr(middleware, name)(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - as Dramatiq does
                last_error: Exception | None = error
                if isinstance(middleware, KEEPERS):
                    last_error = self._insist(name, middleware, error, *args, **kwargs)
                if last_error is not None:
                    self._report_failure(name, middleware, last_error)
                    self.after_hook_failed(signal, middleware, last_error, *args)
        if signal in self._own_after:
            self._own_after[signal](*args)

    def after_hook_failed(
        self, signal: str, middleware: Middleware, error: Exception, *args: Any
    ) -> None:
        """Called when a hook of an ``after_`` signal has failed and was reported."""

    def hooks_before(self, signal: str) -> Hooks:
        table = self._hooks
        # Lists are compared by the identity of their items first: this costs next to nothing.
        if table.middleware != self.middleware:
            table = self._new_hook_table()
        return table.before[signal]

    def hooks_after(self, signal: str) -> Hooks:
        table = self._hooks
        if table.middleware != self.middleware:
            table = self._new_hook_table()
        return table.after[signal]

    def _new_hook_table(self) -> HookTable:
        table = self._hooks = HookTable(self.middleware.copy())
        return table

    def _insist(
        self, hook_name: str, middleware: Middleware, error: Exception, *args: Any, **kwargs: Any
    ) -> Exception | None:
        """Call a hook anew while its server is away; returns the error it ends with, if any."""
        give_up_at = time.monotonic() + INSIST_SECONDS
        pause_seconds = FIRST_PAUSE_SECONDS
        while is_away(error) and time.monotonic() < give_up_at:
            self.logger.debug("%s has to wait: %s", hook_name, error)
            if self._is_stopping():
                give_up_at = min(give_up_at, time.monotonic() + LAST_INSIST_SECONDS)
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            try:
                getattr(middleware, hook_name)(self, *args, **kwargs)
            except Exception as next_error:  # noqa: BLE001 - it is told, once it is the last one
                error = next_error
            else:
                return None
        return error

    def _report_failure(self, hook_name: str, middleware: Middleware, error: Exception) -> None:
        if not is_away_or_full(error):
            self.logger.critical(
                "Unexpected failure in %s of %r.", hook_name, middleware, exc_info=error
            )
            return
        # A traceback tells nothing more, and every thread has one.
        what = f"{hook_name} of {type(middleware).__name__} was left out"
        if count := self._hooks.refusals.to_tell(what):
            since = f", {count:,} times since this was said" if count > 1 else ""
            self.logger.error("%s%s. Reason: %s.", what, since, first_line(error))


def _implemented(all_middleware: Sequence[Middleware], hook_name: str) -> Hooks:
    """The middleware whose hook of a name is more than the empty one of the base class."""
    empty = getattr(Middleware, hook_name, None)
    hooks = ((middleware, getattr(middleware, hook_name, None)) for middleware in all_middleware)
    return [
        (_quick(middleware), hook_name)
        for middleware, hook in hooks
        if hook is not None and getattr(hook, "__func__", None) is not empty
    ]


def _quick(middleware: Middleware) -> Middleware:
    return Pipelines(middleware) if type(middleware) is DramatiqPipelines else middleware
