"""A newsletter: the website puts a thousand e-mails into a queue in one go."""

import os
from pathlib import Path

import dramatiq
from flask import Flask

from barback import RedisBroker, send_many
from barback.embedded import EmbeddedServer

url = os.environ.get("REDIS_URL") or EmbeddedServer(Path(".barback")).ensure()
dramatiq.set_broker(RedisBroker(url=url))

app = Flask(__name__)
app.config["SENDER"] = "news@example.org"


@dramatiq.actor(queue_name="email", max_retries=5)
def send_email(address: str) -> None:
    # What needs the application, such as its configuration or its database, goes in here.
    with app.app_context():
        print(f"From {app.config['SENDER']} to {address}", flush=True)


@app.post("/newsletter/<int:readers>")
def send_newsletter(readers: int) -> tuple[dict[str, int], int]:
    addresses = (f"reader-{number}@example.org" for number in range(1, readers + 1))
    queued = send_many(send_email, [(address,) for address in addresses])
    return {"queued": queued}, 202
