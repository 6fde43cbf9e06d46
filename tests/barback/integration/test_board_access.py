"""Who may do what on the board, and what messages of bad people do to it."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dramatiq
import pytest
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits.backends import RedisBackend as RedisRateLimiter

from barback import control
from barback.board import with_token
from barback.board.access import on_loopback
from tests.support.board import BoardClient, bury, send
from tests.support.polling import eventually

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback import RedisBroker

TOKEN = "a-token-of-many-letters"  # noqa: S105

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "\x1b]0;owned\x07\x1b[31mred",
    "a\x00b\rc\nd\u2028e",
    "\u202egnp.exe\u2066",
    "{{ 7*7 }}{% raw %}",
    "%7B%7B$&+,/:;=?@#[]",
    "x" * 1_000_000,
]


BAD_BASIC: list[dict[str, str | bytes]] = [
    {"Authorization": "Basic ???"},
    {"Authorization": b"Basic \xe4\xf6"},
    {"Authorization": "Basic /w=="},
]


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_no_other_site_can_have_a_visitor_change_anything(
    broker: RedisBroker, client: BoardClient, site: str
) -> None:
    send(broker)

    answer = client.post("/queues/beer/purge", headers={"Sec-Fetch-Site": site})

    assert answer.status_code == 403
    assert broker.queue_length("beer") == 1


def test_a_browser_without_fetch_metadata_is_judged_by_its_origin(
    broker: RedisBroker, client: BoardClient
) -> None:
    send(broker)

    for origin in ("http://evil.example", "null", "http://[::1"):
        refused = client.post("/queues/beer/purge", headers={"Origin": origin})
        assert refused.status_code == 403
    taken = client.post("/queues/beer/purge", headers={"Origin": "http://127.0.0.1:9191"})
    assert taken.status_code == 303


@pytest.mark.parametrize(
    "path", ["/queues/beer/purge", "/queues/beer/pause", "/dead/requeue", "/dead/delete-all"]
)
def test_nothing_is_changed_by_following_a_link(
    broker: RedisBroker, client: BoardClient, path: str
) -> None:
    send(broker)

    assert client.get(path).status_code in (404, 405)
    assert broker.queue_length("beer") == 1
    assert control.paused(broker) == {}


def test_a_read_only_board_shows_everything_and_changes_nothing(broker: RedisBroker) -> None:
    send(broker)
    bury(broker, "d1")
    client = BoardClient(broker, read_only=True)

    for path in ("/", "/queues/beer", "/dead", "/queues/beer/messages/d1"):
        page = client.get(path)
        assert page.status_code == 200
        assert 'method="post"' not in page.text or "<button" not in page.text.split("post", 1)[1]
    assert client.post("/queues/beer/purge").status_code == 403
    assert client.post("/dead/delete", data={"letter": "beer:d1"}).status_code == 403


def test_authorize_decides_by_action(broker: RedisBroker) -> None:
    async def authorize(request: Request, action: str) -> str | None:
        role = request.headers.get("x-role")
        return role if role == "chief" or action == "view" else None

    send(broker)
    client = BoardClient(broker, authorize=authorize)

    assert client.get("/", headers={"X-Role": "guest"}).status_code == 200
    assert client.get("/dead/export", headers={"X-Role": "guest"}).status_code == 403
    assert client.post("/queues/beer/purge", headers={"X-Role": "guest"}).status_code == 403
    assert client.get("/", headers={}).status_code == 403
    assert client.post("/queues/beer/purge", headers={"X-Role": "chief"}).status_code == 303


@pytest.mark.parametrize("path", ["/", "/events", "/metrics", "/dead/export", "/jobs/x"])
def test_without_the_token_nothing_is_shown(broker: RedisBroker, path: str) -> None:
    client = BoardClient(broker, authorize=with_token(TOKEN))

    for headers in ({}, {"Authorization": "Bearer wrong"}, *BAD_BASIC):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert client.get("/", auth=("ada", TOKEN)).status_code == 200
    assert client.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("token", ["short", "a" * 40, "changechangechange"])
def test_a_token_that_is_short_or_typed_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="at least 16 characters, drawn at random") as refused:
        with_token(token)
    assert token not in str(refused.value)


def test_an_open_board_answers_under_this_machines_names_alone(broker: RedisBroker) -> None:
    client = BoardClient(broker, authorize=on_loopback)

    assert client.get("/").status_code == 200
    for own in ("localhost:9191", "LocalHost", "[::1]:9191"):
        assert client.get("/", headers={"Host": own}).status_code == 200
    # Browsers look for all of these, and send them.
    for host in (
        "rebound.example:9191",
        "rebound{.example:9191",
        'rebound".example',
        "a`b.example",
    ):
        assert client.get("/", headers={"Host": host}).status_code == 403


def test_every_change_leaves_a_line_that_says_who_what_and_how_many(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    send(broker)
    send(broker)
    client = BoardClient(broker, authorize=lambda *_: "ada\nwho=eve")

    with caplog.at_level(logging.INFO, "barback.board.audit"):
        client.post("/queues/beer/purge")

    (line,) = [each.message for each in caplog.records if each.name == "barback.board.audit"]
    assert line == r"who=ada\nwho=eve action=purge queue=beer count=2"


def test_who_may_begin_a_job_may_stop_it(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    # Given somebody who may delete dead letters and not requeue them, and a job that takes long
    bury(broker, "d1")
    is_stopped = threading.Event()

    def redact(*_: Any) -> Any:
        is_stopped.wait(10)
        return [], {}

    def authorize(request: Request, action: str) -> bool:
        return action in ("view", request.headers["x-may"])

    client = BoardClient(broker, redact=redact, authorize=authorize)
    began = client.post("/dead/delete-all", data={"q": "args.0:1"}, headers={"x-may": "delete"})
    address = began.headers["location"].partition("?")[0]

    # When they and somebody else stop it
    refused = client.post(f"{address}/stop", headers={"x-may": "requeue"})
    with caplog.at_level(logging.INFO, "barback.board.audit"):
        stopped = client.post(f"{address}/stop", headers={"x-may": "delete"})
    is_stopped.set()
    page = client.get(stopped.headers["location"], headers={"x-may": "view"})

    # Expect it to be stopped, and nothing said of a job that begins
    assert (refused.status_code, stopped.status_code, page.status_code) == (403, 303, 200)
    assert "action=delete job=" in caplog.text
    assert "It has begun" not in page.text


def test_arguments_can_be_hidden_everywhere(broker: RedisBroker) -> None:
    def redact(_actor: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return ["•••" for _ in args], {**kwargs, "table": "•••"}

    waiting = send(broker, "secret")
    bury(broker, "d1", "secret")
    client = BoardClient(broker, redact=redact)

    for path in (
        *("/queues/beer", f"/queues/beer/messages/{waiting}", "/queues/beer/messages/d1"),
        *("/dead", "/dead/export?as=csv", "/dead/export?as=json"),
    ):
        for parameters in ({}, {"format": "json"}):
            assert "secret" not in client.get(path, params=parameters).text, path
    assert client.json("/dead?q=secret")["matched"] == 0


def test_a_redaction_changes_nothing_of_what_is_requeued(broker: RedisBroker) -> None:
    # Given a redaction that writes into the arguments that it is given
    def redact(_actor: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        args[0]["address"] = "***"
        return args, kwargs

    user = {"name": "ada", "address": "ada@example.org"}
    bury(broker, "letter-1", user)
    client = BoardClient(broker, redact=redact)

    # When what a search finds is requeued
    assert client.post("/dead/requeue-all", data={"q": "ada"}).status_code == 303

    # Expect the message to be as it was
    messages = broker.store.keys("beer").messages
    payload = eventually(lambda: broker.client.hget(messages, "letter-1"))
    assert json.loads(payload or "{}")["args"] == [user]


def test_arguments_of_what_follows_a_message_are_hidden_as_well(broker: RedisBroker) -> None:
    # Given a pipeline, and a group that a callback follows
    brew = dramatiq.actor(broker=broker, queue_name="beer", actor_name="brew")(print)
    broker.add_middleware(GroupCallbacks(RedisRateLimiter(client=broker.client)))
    dramatiq.pipeline([brew.message(1), brew.message("secret")], broker=broker).run()
    group = dramatiq.group([brew.message(2)], broker=broker)
    group.add_completion_callback(brew.message("secret"))
    group.run()
    client = BoardClient(broker, redact=lambda *_: ([], {}))

    messages = client.json("/queues/beer")["messages"]

    assert len(messages) == 2
    for message in messages:
        for parameters in ({}, {"format": "json"}):
            page = client.get(f"/queues/beer/messages/{message['id']}", params=parameters)
            assert "secret" not in page.text


def test_what_is_no_message_is_hidden_where_arguments_are(broker: RedisBroker) -> None:
    broker.store.register(["beer"])
    broker.do_enqueue("beer", "odd", b'{"args": ["secret"], "options": {"retries": "many"}}')
    client = BoardClient(broker, redact=lambda _, args, kwargs: (args, kwargs))

    for path in ("/queues/beer", "/queues/beer/messages/odd"):
        assert "secret" not in client.get(path).text
        assert "secret" in BoardClient(broker).get(path).text


@pytest.mark.parametrize("answer", [None, (["secret"],), "secret", 1])
def test_what_a_broken_redaction_was_to_hide_stays_hidden(
    broker: RedisBroker, answer: object
) -> None:
    bury(broker, "d1", "secret")
    client = BoardClient(broker, redact=lambda *_: answer)

    for path in ("/dead", "/queues/beer/messages/d1", "/dead/export?as=csv", "/dead?q=x"):
        page = client.get(path)
        assert page.status_code == 200
        assert "secret" not in page.text


def test_a_redaction_may_answer_with_anything_that_can_be_shown(broker: RedisBroker) -> None:
    bury(broker, "d1", "secret")
    client = BoardClient(broker, redact=lambda *_: ((dt.date(2026, 6, 10),), {}))

    for path in ("/dead", "/dead/export?as=csv", "/dead/export?as=json"):
        page = client.get(path)
        assert page.status_code == 200
        assert "datetime.date(2026, 6, 10)" in page.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_messages_do_no_harm_on_any_page(broker: RedisBroker, text: str) -> None:
    # Given a message and a dead letter that are hostile in every field
    message: dramatiq.Message[Any] = dramatiq.Message(
        "beer", text[:200], (text[:900_000],), {text[:50]: text[:50]}, {"traceback": text[:1000]}
    )
    waiting = broker.enqueue(message).options["redis_message_id"]
    broker.enqueue(message, delay=60_000)
    redis_id = text[:100]
    bury(broker, redis_id, text[:900_000], error=text)
    client = BoardClient(broker)

    # When each page is looked at
    letter = client.json("/dead")["letters"][0]
    page = client.get("/dead")
    addresses = [part.partition('"')[0] for part in page.text.split('href="')]
    links = [address for address in addresses if "/messages/" in address]
    pages = [
        page,
        *(client.get(path) for path in ("/", "/queues/beer", "/delayed", "/dead?q=actor:*")),
        client.get(f"/queues/beer/messages/{waiting}"),
        *(client.get(link.replace("&amp;", "&")) for link in links),
    ]

    # Expect nothing of it to reach the browser as markup, control or direction
    assert letter["id"] == redis_id
    assert links
    for each in pages:
        assert each.status_code == 200
        assert len(each.text) < 300_000
        for bad in ("<script>alert", "<img", "\x1b", "\x00", "\u202e", "\u2066", "\u2028"):
            assert bad not in each.text.replace('<img src="/static', "")
        assert "script-src 'self'" in each.headers["content-security-policy"]

    # … and the dead letter to be requeued all the same
    answer = client.post("/dead/requeue", data={"letter": f"beer:{quote(redis_id)}"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("count=1")


def test_payloads_that_are_no_messages_are_shown_as_what_they_are(
    broker: RedisBroker, client: BoardClient
) -> None:
    keys = broker.store.keys("beer")
    broker.store.register(["beer"])
    for redis_id, payload in {b"\xff\xfe": b"\x80\x81", b"plain": b"<b>no message</b>"}.items():
        broker.client.rpush(keys.queue, redis_id)
        broker.client.hset(keys.messages, redis_id, payload)

    page = client.get("/queues/beer")

    assert page.status_code == 200
    assert "&lt;b&gt;no message" in page.text
    assert client.get("/queues/beer/messages/%FF%FE").status_code == 200


def test_a_form_that_is_too_large_is_refused(client: BoardClient) -> None:
    answer = client.post("/dead/requeue", content=b"letter=" + b"x" * 1_000_000)

    assert answer.status_code == 413


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "9" * 5_000, "²"])
def test_pages_that_cannot_be_are_refused(client: BoardClient, page: str) -> None:
    answer = client.get("/dead", params={"page": page})

    assert answer.status_code == 400
    assert "Expected page to be a number" in answer.text


def test_the_answer_to_a_failure_has_the_headers_of_every_other_one(broker: RedisBroker) -> None:
    def authorize(*_: object) -> bool:
        raise RuntimeError("a fault of whoever wrote it")

    answer = BoardClient(broker, authorize=authorize).get("/")

    assert answer.status_code == 500
    assert "default-src" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/dead/delete", "/messages/cancel", "/queues/beer/pause"])
@pytest.mark.parametrize(
    "form", [b"%ff", b"letter=beer:%ff", b"message=%ff:%00", b"minutes=" + b"9" * 5000]
)
def test_a_form_that_no_page_sends_changes_nothing(
    broker: RedisBroker, client: BoardClient, path: str, form: bytes
) -> None:
    send(broker)

    answer = client.post(path, content=form)

    assert answer.status_code in {303, 400}
    assert broker.queue_length("beer") == 1
