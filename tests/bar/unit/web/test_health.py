"""What monitoring asks for: whether the site lives, and whether it is ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, create_engine

from barback.outbox import Outbox, OutboxRelay, outbox_table
from web.health import health
from web.outgoing import Outgoing

if TYPE_CHECKING:
    from dramatiq.brokers.stub import StubBroker


def test_a_website_that_sends_no_e_mails_any_more_is_not_healthy(stub_broker: StubBroker) -> None:
    # Given a relay whose thread does not live
    outbox = Outbox(outbox_table(MetaData()), stub_broker)  # type: ignore[arg-type]
    relay = OutboxRelay(outbox, create_engine("sqlite://"))

    response = asyncio.run(health(Outgoing(outbox, relay)))

    assert response.status_code == 503
    assert b"outbox" in response.body
