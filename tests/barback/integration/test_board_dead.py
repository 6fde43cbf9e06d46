"""Dead letters on the board: grouped, searched, changed and exported."""

from __future__ import annotations

import csv
import io
import threading
from typing import TYPE_CHECKING, Any

import pytest

from barback.board.jobs import Jobs
from barback.dead_letters import DeadLetters
from tests.support.board import BoardClient, bury
from tests.support.polling import eventually

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


def test_dead_letters_of_the_same_fault_are_one_group(
    broker: RedisBroker, client: BoardClient
) -> None:
    for number in range(5):
        bury(broker, f"d{number}", error=f"KegEmpty: keg {number} is empty")
    bury(broker, "d9", error="TimeoutError")

    groups = client.json("/dead")["groups"]

    assert [group["count"] for group in groups] == [5, 1]
    found = client.json(f"/dead?q=fault:{groups[0]['fault']}")
    assert (found["matched"], found["searched"]) == (5, 6)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("actor:pour", {"letter-1", "letter-2"}),
        ("actor:brew", set()),
        ("id:letter-1", {"letter-1"}),
        ('error:"keg 7"', {"letter-1"}),
        ("args.0:order-2", {"letter-2"}),
        ("args.0:order-*", {"letter-1", "letter-2"}),
        ("args.table:4", {"letter-1", "letter-2"}),
        ("args.table:5", set()),
        ("ORDER-1", {"letter-1"}),
        ("reason:failed timeout", {"letter-2"}),
    ],
)
def test_dead_letters_are_found_by_what_is_known_of_them(
    broker: RedisBroker, client: BoardClient, query: str, ids: set[str]
) -> None:
    bury(broker, "letter-1", "order-1")
    bury(broker, "letter-2", "order-2", error="TimeoutError")

    letters = client.get("/dead", params={"q": query, "format": "json"}).json()["letters"]

    assert {letter["id"] for letter in letters} == ids


@pytest.mark.parametrize(
    "query", ["args.0:true", "args.1:null", "args.2.of:'[8, 3]'", """args.2:'{"of": [8, 3]}'"""]
)
def test_arguments_are_searched_as_they_are_shown(
    broker: RedisBroker, client: BoardClient, query: str
) -> None:
    bury(broker, "letter-1", True, None, {"of": [8, 3]})  # noqa: FBT003
    bury(broker, "letter-2", False, 0, {"of": [9]})  # noqa: FBT003

    letters = client.get("/dead", params={"q": query, "format": "json"}).json()["letters"]

    assert [letter["id"] for letter in letters] == ["letter-1"]


@pytest.mark.parametrize("query", ["colour:red", 'error:"never ends'])
def test_a_search_that_makes_no_sense_is_explained(client: BoardClient, query: str) -> None:
    answer = client.get("/dead", params={"q": query})

    assert answer.status_code == 400
    assert "Search by actor" in answer.text or "cannot be read" in answer.text


def test_a_search_ends_in_time_although_each_letter_takes_long(
    broker: RedisBroker, client: BoardClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        bury(broker, f"d{number}")
    monkeypatch.setattr("barback.board.search.MAX_SECONDS", -1.0)

    found = client.json("/dead?q=keg")

    assert (found["searched"], found["total"]) == (0, 3)


def test_chosen_dead_letters_run_again_and_others_stay(
    broker: RedisBroker, client: BoardClient
) -> None:
    for number in range(3):
        bury(broker, f"d{number}")

    answer = client.post("/dead/requeue", data={"letter": ["beer:d0", "beer:d1"]})

    assert answer.headers["location"] == "/dead?did=requeue&count=2"
    assert broker.queue_length("beer") == 2
    assert [letter["id"] for letter in client.json("/dead")["letters"]] == ["d2"]


@pytest.mark.parametrize(("action", "waiting"), [("requeue", 250), ("delete", 0)])
def test_all_that_match_are_changed_in_the_background(
    broker: RedisBroker, client: BoardClient, action: str, waiting: int
) -> None:
    for number in range(250):
        bury(broker, f"d{number}")
    bury(broker, "other", error="TimeoutError")

    answer = client.post(f"/dead/{action}-all", data={"q": "error:keg"})
    address = answer.headers["location"].partition("?")[0]
    job = eventually(lambda: _ended(client, address))
    assert job is not None

    assert (job["changed"], job["searched"], job["error"]) == (250, 251, None)
    assert broker.queue_length("beer") == waiting
    assert [letter["id"] for letter in client.json("/dead")["letters"]] == ["other"]


def test_a_job_that_is_stopped_changes_nothing_that_it_has_only_found(broker: RedisBroker) -> None:
    # Given a job that deletes dead letters, and is still looking for those of its first step
    for number in range(5):
        bury(broker, f"d{number}")
    letters, is_stopped = DeadLetters(broker, "beer"), threading.Event()
    job = Jobs().start(
        [letters],
        lambda _: is_stopped.wait(10),
        DeadLetters.delete,
        action="delete",
        who="ada",
        query="",
        when_done=lambda _: None,
    )

    # When somebody stops it
    job.stop.set()
    is_stopped.set()

    # Expect it to look no further, and all to be there
    eventually(lambda: not job.is_running)
    assert (job.searched, job.changed, job.error, len(letters)) == (1, 0, None, 5)


def test_dead_letters_are_exported_so_that_no_spreadsheet_runs_them(
    broker: RedisBroker, client: BoardClient
) -> None:
    bury(broker, "=1+1", "order-1", error='=HYPERLINK("http://evil")')

    (row,) = csv.DictReader(io.StringIO(client.get("/dead/export?as=csv").text))
    (entry,) = client.get("/dead/export?as=json").json()

    assert row["id"] == "'=1+1"
    assert row["error"].startswith("'=")
    assert entry["arguments"] == [["order-1"], {"table": 4}]
    assert client.get("/dead/export?as=json&q=actor:brew").json() == []


def _ended(client: BoardClient, address: str) -> dict[str, Any] | None:
    job: dict[str, Any] = client.json(address)["job"]
    return job if job["ended_at"] else None
