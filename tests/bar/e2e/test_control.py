"""Taps, and guests who change their minds."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

import dramatiq
import httpx
import pytest

from actors.serving import standing_order_of
from barback import RedisBroker
from barback.errors import AlreadyEnqueued
from tests.support.polling import eventually
from tests.support.website import made_older, start_website

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.processes import ProcessStarter, TestProcess
    from tests.support.website import Website


BARBACK = ["python", "-m", "barback"]

#: A hidden field of a form.
FIELD = re.compile(r'type="hidden" name="(\w+)" value="([^"]*)"')


def states_of(client: httpx.Client) -> list[str]:
    """The states of one's orders, the latest first."""
    return re.findall(r'class="state (\w+)"', client.get("/orders").text)


def order(client: httpx.Client, drink: str) -> str:
    """Order a drink by the form; returns its id, once it can be cancelled."""
    form = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', client.get("/orders").text)
    )
    client.post("/orders", data={**form, "drink": drink}).raise_for_status()
    (found, *_) = re.findall(r"/orders/(\w+)/cancel", client.get("/orders").text)
    return str(found)


def cancel(client: httpx.Client, order_id: str) -> httpx.Response:
    token = re.findall(r'name="form_token" value="([^"]*)"', client.get("/orders").text)[0]
    return client.post(f"/orders/{order_id}/cancel", data={"form_token": token})


@pytest.fixture
def website(start: ProcessStarter) -> Website:
    return start_website(start)


def most_at_work(output: str) -> int:
    """How many beers were poured at a time, by the times that lines of the log begin with: those
    of two processes may be printed in another order.
    """
    log = [
        line for line in output.splitlines() if "Serving beer for" in line or "Served  beer" in line
    ]
    at_work = most = 0
    for line in sorted(log, key=lambda line: (line.split("]")[0], "Serving" in line)):
        at_work += 1 if "Serving" in line else -1
        most = max(most, at_work)
    return most


@pytest.mark.slow
def test_no_more_beers_are_poured_than_there_are_taps_and_coffee_flows(
    start: ProcessStarter,
) -> None:
    # Given two taps, and two processes of four threads for everything
    worker = start(
        ["dramatiq", "actors", "--processes", "2", "--threads", "4", "-Q", "beer", "coffee"],
        TAPS="2",
        BEER_SECONDS="0.2",
    )
    worker.wait_for_output("Worker process is ready for action.")

    # When ten beers and ten coffees are ordered by somebody who knows of no taps
    producer = start.run(
        ["python", "producer.py", "--beers", "10", "--coffees", "10", "--wait", "--timeout", "30"]
    )

    # Expect all to be served, and no more than two beers to be poured at any moment
    assert producer.exit_code == 0, producer.output
    eventually(lambda: worker.output.count("Served  beer") == 10)
    eventually(lambda: worker.output.count("Served  coffee") == 10)
    assert most_at_work(worker.output) == 2


@pytest.mark.slow
def test_a_guest_cancels_an_order_that_waits(website: Website, redis_url: str) -> None:
    # Given an order that nobody serves
    with httpx.Client(base_url=website.url, timeout=10, follow_redirects=True) as client:
        order_id = order(client, "beer")
        assert states_of(client) == ["queued"]

        # When another guest tries to cancel it, and then the guest does
        with httpx.Client(base_url=website.url, timeout=10) as stranger:
            refused = cancel(stranger, order_id)
        done = cancel(client, order_id)

        # Expect it to be gone
        assert refused.status_code == 404
        assert done.status_code == 200
        assert states_of(client) == ["cancelled"]
    broker = RedisBroker(url=redis_url)
    assert broker.queue_length("beer") == 0
    broker.close()


@pytest.mark.slow
def test_a_guest_cancels_an_order_whose_message_is_gone(
    website: Website, start: ProcessStarter
) -> None:
    # Given an order that an operator has purged
    with httpx.Client(base_url=website.url, timeout=10, follow_redirects=True) as client:
        order_id = order(client, "beer")
        start.run([*BARBACK, "purge", "beer", "--yes"])
        # When the guest is tired of waiting
        cancel(client, order_id)
        # Expect an end of it
        assert states_of(client) == ["cancelled"]


@pytest.mark.slow
def test_what_an_operator_has_purged_or_cancelled_waits_on_no_page(
    website: Website, start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    # Given two beers and a coffee that wait, and a report each of three months
    with httpx.Client(base_url=website.url, timeout=10, follow_redirects=True) as client:
        order(client, "beer")
        order(client, "beer")
        order(client, "coffee")
        start.run(["python", "-c", _REQUEST_REPORTS, "1", "2"])
        # When the beers are purged, two reports are cancelled, a third
        # one is asked for, and a while has passed
        start.run([*BARBACK, "purge", "beer", "--yes"])
        start.run([*BARBACK, "cancel", "--queue", "reports", "--yes"])
        start.run(["python", "-c", _REQUEST_REPORTS, "3"])
        made_older(website.database_url)
        # and the house looks for what is lost
        worker = start_worker("housekeeping")
        send = "import actors; actors.give_up_lost_work.send()"
        start.run(["python", "-c", send])
        worker.wait_for_output("Orders and reports given up, as their messages are gone: 4.")
        # Expect the guest to know, what waits to go on waiting, and the months to be free again
        assert states_of(client) == ["queued", "failed", "failed"]
    with sqlite3.connect(website.database_url.removeprefix("sqlite:///")) as database:
        states = database.execute("SELECT state, active_month FROM reports ORDER BY month")
        assert states.fetchall() == [
            ("cancelled", None),
            ("cancelled", None),
            ("queued", "2026-03-01"),
        ]
    database.close()


_REQUEST_REPORTS = """
import datetime as dt, sys
import actors, dramatiq
from actors.housekeeping import _messages, report_message, engine, request_report, writing
for month in sys.argv[1:]:
    with writing() as session:
        report, _ = request_report(session, dt.date(2026, int(month), 1))
        _messages().add(session, report_message(report.id))
_messages().flush(engine())
"""


@pytest.mark.slow
def test_a_guest_cancels_an_order_that_is_being_served(
    website: Website, start_worker: Callable[..., TestProcess], start: ProcessStarter
) -> None:
    # Given a beer that takes a while
    worker = start_worker("beer", BEER_SECONDS="60")
    with httpx.Client(base_url=website.url, timeout=10, follow_redirects=True) as client:
        order_id = order(client, "beer")
        worker.wait_for_output(f"Serving beer for order {order_id}")

        # When it is cancelled
        cancel(client, order_id)

        # Expect the page to say so, and the worker to stop pouring
        assert states_of(client) == ["cancelled"]
    status = ["python", "-m", "barback", "status", "--json"]
    eventually(lambda: not json.loads(start.run(status).stdout)["running"])
    assert "Served" not in worker.output
    assert "Retrying" not in worker.output


@pytest.mark.slow
def test_an_order_is_cancelled_by_the_api_before_and_while_it_is_served(
    website: Website, start_worker: Callable[..., TestProcess], start: ProcessStarter
) -> None:
    # Given an order of an account that is being poured, and one that nobody has signed behind it
    api, token = f"{website.url}/api/orders", website.log_in("a@example.org", is_staff=False)
    worker = start_worker("beer", "--threads", "1", BEER_SECONDS="60")
    signed = {"Authorization": f"Bearer {token}"}
    mine = httpx.post(api, json={"drink": "beer"}, headers=signed).json()["id"]
    worker.wait_for_output(f"Serving beer for order {mine}")
    waiting = httpx.post(api, json={"drink": "beer"}).json()["id"]

    # When a stranger tries, and then those who placed them cancel both
    refused = httpx.post(f"{api}/{mine}/cancel")
    answers = [
        httpx.post(f"{api}/{waiting}/cancel"),
        httpx.post(f"{api}/{mine}/cancel", headers=signed),
    ]

    # Expect both to be cancelled, and the worker to stop pouring
    assert refused.status_code == 404
    assert [answer.json()["state"] for answer in answers] == ["cancelled"] * 2
    status = ["python", "-m", "barback", "status", "--json"]
    eventually(lambda: not json.loads(start.run(status).stdout)["running"])
    assert "Served" not in worker.output
    assert httpx.post(f"{api}/no-such-order/cancel").status_code == 404


@pytest.mark.slow
def test_a_report_that_is_cancelled_spares_its_worker_the_day(
    website: Website, start_worker: Callable[..., TestProcess], start: ProcessStarter
) -> None:
    # Given a report of which each day takes a minute
    worker = start_worker("reports", REPORT_DAY_SECONDS="60")
    with website.staff(follow_redirects=True) as client:
        form = dict(FIELD.findall(client.get("/reports").text))
        progress = client.post("/reports", data={**form, "month": "2026-03"})
        worker.wait_for_output("Working on report")

        # When it is cancelled while its first day is added up, and shows how far it is
        show = ["python", "-m", "barback", "show", progress.url.path.rpartition("/")[2]]
        eventually(lambda: "1 of 31: March 2026" in start.run(show).output)
        done = client.post(f"{progress.url.path}/cancel", data=form)

    # Expect it to end at once
    assert "Cancelled" in done.text
    eventually(lambda: "cancelled" in start.run(show).output)
    assert "Retrying" not in worker.output


def test_a_standing_order_is_known_by_its_orders() -> None:
    assert standing_order_of("1f3c9a2b-20260610T080000Z") == "1f3c9a2b"
    assert standing_order_of("f48b4580f83e2ed2") is None
    assert standing_order_of("1f3c9a2b") is None


def test_a_standing_order_places_no_other_one_while_the_last_waits(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the actor of a drink on a real broker
    broker = RedisBroker(url=redis_url)
    monkeypatch.setattr(broker, "actors", dramatiq.get_broker().actors)
    middleware = [it for it in dramatiq.get_broker().middleware if type(it).__name__ == "Control"]
    broker.add_middleware(middleware[0])
    beer = dramatiq.get_broker().get_actor("serve_a_beer")

    def place(order_id: str) -> None:
        broker.enqueue_once(beer.message(order_id), token=order_id, ttl_seconds=60)

    # When a run of a standing order is placed
    place("aaaa-20260610T080000Z")

    # Expect its next run to be refused, and no other order
    with pytest.raises(AlreadyEnqueued):
        place("aaaa-20260611T080000Z")
    for order_id in ("bbbb-20260610T080000Z", "cccc", "dddd"):
        place(order_id)
    assert broker.queue_length("beer") == 4
    broker.close()
