"""The tasks, on Dramatiq and Barback."""

import os
import time
from pathlib import Path

import dramatiq

from barback import RedisBroker
from barback.embedded import EmbeddedServer

url = os.environ.get("REDIS_URL") or EmbeddedServer(Path(".barback")).ensure()
dramatiq.set_broker(RedisBroker(url=url))


@dramatiq.actor(queue_name="beer")
def serve_a_beer(size: str) -> None:
    time.sleep(1)
    print(f"A {size} beer is served.", flush=True)


@dramatiq.actor(queue_name="coffee")
def serve_a_coffee(size: str) -> None:
    print(f"A {size} coffee is served.", flush=True)
