"""``dramatiq.actor`` whose control options a type checker knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

import dramatiq

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from barback.control.options import Limit, OnCancel, Unique

P = ParamSpec("P")
R = TypeVar("R")


class ActorDecorator(Protocol):
    """Makes an actor of a function or a coroutine function."""

    @overload
    def __call__(self, fn: Callable[P, Awaitable[R]], /) -> dramatiq.Actor[P, R]: ...

    @overload
    def __call__(self, fn: Callable[P, R], /) -> dramatiq.Actor[P, R]: ...


def actor(
    *,
    unique: Unique | None = None,
    limit: Limit | None = None,
    on_cancel: OnCancel = "ask",
    **options: Any,
) -> ActorDecorator:
    """``dramatiq.actor``, with the options of :class:`barback.control.Control` by their types.

    Parameters:
      unique: While one of its messages is on its way, another one like it is not sent.
      limit: How many of its messages may run at once, or start in a time.
      on_cancel: Whether a message that is cancelled while it runs is asked to stop or interrupted.
      **options: As for ``dramatiq.actor``.
    """
    decorator: Any = dramatiq.actor(unique=unique, limit=limit, on_cancel=on_cancel, **options)
    return decorator  # type: ignore[no-any-return]
