from __future__ import annotations

import time

from barback import send_many
from benchmarks.systems.ours import bar


async def send_coffee(message_id: int, sent_ns: int) -> None:
    bar.coffee.send(message_id, sent_ns)


async def send_coffee_on_shared(message_id: int, sent_ns: int) -> None:
    bar.coffee_on_shared.send(message_id, sent_ns)


async def send_beers(first: int, count: int, *, on_shared: bool) -> None:
    beer = bar.beer_on_shared if on_shared else bar.beer
    send_many(beer, ((each, time.monotonic_ns()) for each in range(first, first + count)))
