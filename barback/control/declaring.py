"""What every actor of our broker goes through when it is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.compat.actor_options import check_actor_options
from barback.control.running import expect_cancellation

if TYPE_CHECKING:
    import dramatiq


def prepare_actor(actor: dramatiq.Actor[Any, Any]) -> None:
    """Check an actor's options, and have it end well when it is cancelled, as any message may be.

    Raises:
      InvalidOption: When one is something else than expected.
    """
    check_actor_options(actor)
    expect_cancellation(actor)
