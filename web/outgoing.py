"""Messages that leave the website by way of the outbox."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from database.engine import writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dramatiq
    from sqlalchemy.orm import Session

    from barback.outbox import Outbox, OutboxRelay


@dataclass(frozen=True)
class Outgoing:
    """Transactions that may send messages.

    The request does not wait for the broker, whatever state it is in: the relay's thread sends.
    """

    outbox: Outbox
    relay: OutboxRelay

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        with writing() as session:
            yield session
        self.relay.wake()

    def send(self, session: Session, message: dramatiq.Message[Any]) -> None:
        """Send a message if, and only if, the transaction is committed."""
        self.outbox.add(session, message)


# No thread is needed for it, so that whether the process lives is known when all of them wait.
async def _outgoing(request: Request) -> Outgoing:
    outgoing: Outgoing = request.app.state.outgoing
    return outgoing


OutgoingDependency = Annotated[Outgoing, Depends(_outgoing)]
