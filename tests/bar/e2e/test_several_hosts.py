"""The bar on five hosts: a broker, a worker for each drink, a website, and who orders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from barback.embedded.binary import find_binary
from tests.support.network import network
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

#: What a visitor's browser does: sees whether the website is well, and signs up.
SIGN_UP = """
import json, sys, urllib.request
url = sys.argv[1]
assert urllib.request.urlopen(f"{url}/readyz", timeout=10).status == 200
body = json.dumps({"email": "ada@example.org", "password": "four plain english words"}).encode()
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(f"{url}/api/sign-ups", body, headers)
assert urllib.request.urlopen(request, timeout=10).status == 202
"""


def test_each_drink_is_served_by_the_host_that_serves_it(
    start: ProcessStarter, tmp_path: Path
) -> None:
    with network("broker", "beer", "coffee", "web", "guest") as (broker, beer, coffee, web, guest):
        # Given a program of the bar on each host
        options = ["--bind", broker.address, "--protected-mode", "no", "--dir", str(tmp_path)]
        server = start(broker.command(find_binary(), *options))
        server.wait_for_output("Ready to accept connections")
        environment = {"REDIS_URL": f"redis://{broker.address}:6379/0"}
        small = ["--processes", "1", "--threads", "2"]
        workers = {
            queue: start(host.command("dramatiq", "actors", "-Q", queue, *small), **environment)
            for queue, host in (("beer", beer), ("coffee", coffee))
        }
        for worker in workers.values():
            worker.wait_for_output("Worker process is ready for action.")
        listening = {"WEB_HOST": web.address, "WEB_PORT": "8000", "WEB_SECRET": "0123456789abcdef"}
        website = start(web.command("python", "-m", "web"), **listening, **environment)

        # When drinks are ordered on yet another host, expect each to be served where it should be
        producer = ["python", "producer.py", "--beers", "3", "--coffees", "3", "--wait"]
        ordered = start.run(guest.command(*producer), **environment)
        assert ordered.exit_code == 0, ordered.output
        for queue, worker in workers.items():
            other = "coffee" if queue == "beer" else "beer"
            worker.wait_for_output(f"Served  {queue}")
            assert f"Served  {other}" not in worker.output

        # When somebody signs up, expect the website's e-mail to wait in the broker
        visit = guest.command("python", "-c", SIGN_UP, f"http://{web.address}:8000")
        eventually(
            lambda: start.run(visit).exit_code == 0,
            timeout_seconds=40,
            complaint=lambda: start.run(visit).output + website.output,
        )
        status = guest.command("python", "-m", "barback", "status", "--json")

        def emails() -> int:
            queues = json.loads(start.run(status, **environment).stdout)["queues"]
            return sum(queue["ready"] for queue in queues if queue["name"] == "email")

        eventually(emails)
        assert [worker.stop() for worker in workers.values()] == [0, 0]
