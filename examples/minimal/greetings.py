"""A queue in one file: ``python greetings.py`` sends, ``dramatiq greetings`` works."""

import os
from pathlib import Path

import dramatiq

from barback import RedisBroker
from barback.embedded import EmbeddedServer

url = os.environ.get("REDIS_URL") or EmbeddedServer(Path(".barback")).ensure()
dramatiq.set_broker(RedisBroker(url=url))


@dramatiq.actor
def greet(name: str) -> None:
    print(f"Hello, {name}!", flush=True)


if __name__ == "__main__":
    greet.send("Ada")
    greet.send_with_options(args=("Grace",), delay=1_000)
    print("Two greetings are in the queue.")
