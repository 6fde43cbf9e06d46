"""What the workers of the example do: write each order into a ledger.

``dramatiq examples.cluster.actors`` runs it.
"""

from __future__ import annotations

import os
import time

import dramatiq

from barback import RedisBroker

#: How long an order takes, in seconds.
WORK_SECONDS = 0.002

broker = RedisBroker(url=os.environ["REDIS_URL"])
dramatiq.set_broker(broker)

# A line that is appended by one write() is in the file whole, whatever becomes of this process.
_ledger = os.open(os.environ["EXAMPLE_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@dramatiq.actor(queue_name="orders")
def fulfil(number: int) -> None:
    time.sleep(WORK_SECONDS)
    os.write(_ledger, f"{number}\n".encode())
