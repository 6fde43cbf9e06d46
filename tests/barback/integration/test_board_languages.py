"""The board in Chinese: who gets it, and that it is all in Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import cancel
from barback.dead_letters import DeadLetters
from tests.support.board import BoardClient, bury, send
from tests.support.english import english_on
from tests.support.polling import eventually

if TYPE_CHECKING:
    import httpx

    from barback import RedisBroker

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}

PAGES = [
    *("/", "/running", "/workers", "/delayed", "/dead", "/done", "/schedules"),
    *("/history", "/history?span=day", "/history?span=week&queue=beer"),
    *("/queues/none", "/queues/none/messages/none", "/jobs/none", "/nothing", "/history?span=x"),
    *("/dead?q=nothing:here", "/dead?q=nobody", "/queues/beer?page=0"),
]


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


#: Names in the data, and of what can be searched by.
DATA = (
    *("beer", "pour", "table", "nobody", "nothing", "none", "anybody", "retries"),
    *("hour", "day", "week", "actor", "id", "error", "reason", "fault", "page"),
)


def read(client: BoardClient, path: str, *ids: str) -> httpx.Response:
    """A page in Chinese, without English that is left."""
    page = client.get(path, headers=CHINESE)
    assert '<html lang="zh-Hans">' in page.text
    assert english_on(page.text, *DATA, *ids) == set(), path
    return page


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_in_chinese_before_anything_was_ever_sent(client: BoardClient, path: str) -> None:
    read(client, path)


def test_pages_with_messages_are_in_chinese(broker: RedisBroker, client: BoardClient) -> None:
    # Given messages that wait, are delayed, and are dead
    waiting = send(broker, "order-1")
    later: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (2,), {}, {"retries": 2})
    delayed = broker.enqueue(later, delay=60_000).options["redis_message_id"]
    bury(broker, "d1", "order-3", error="7")
    bury(broker, "d2", "order-3", error="7")

    # Expect their pages to be in Chinese
    for path in ("/", "/queues/beer", "/delayed", "/dead", "/dead?q=order-3", "/dead?queue=beer"):
        read(client, path, waiting, delayed)
    for path in ("/queues/beer?q=order-1", "/queues/beer?q=order-2", "/delayed?q=state:retrying"):
        read(client, path, waiting, delayed)
    assert "等待中" in read(client, f"/queues/beer/messages/{waiting}", waiting).text
    assert "后到期" in read(client, f"/queues/beer/messages/{delayed}", delayed).text
    assert "已放弃" in read(client, "/queues/beer/messages/d1").text
    assert "beer：2 条消息在等待，没有工作进程处理该队列。" in client.get("/", headers=CHINESE).text

    cancel(broker, waiting, reason="7")
    assert "已取消" in read(client, "/done?queue=beer", waiting).text

    # Expect a paused queue, and what was done, to be said in Chinese
    client.post("/queues/beer/pause", data={"minutes": "10"}, headers=CHINESE)
    assert "自 " in read(client, "/queues/beer?did=pause", waiting).text
    assert "2,000 条消息已重新入队。" in read(client, "/dead?did=requeue&count=2000").text
    assert "已开始。" in read(client, "/dead?did=delete").text


def test_a_change_of_all_dead_letters_is_followed_in_chinese(
    broker: RedisBroker, client: BoardClient
) -> None:
    bury(broker, "d1", "order-3")
    answer = client.post("/dead/delete-all", headers=CHINESE)
    path = answer.headers["location"].partition("?")[0]
    eventually(lambda: len(DeadLetters(broker, "beer")) == 0)
    eventually(lambda: "已完成。" in read(client, path).text)


def test_one_reader_serves_people_of_both_languages_and_programs(
    broker: RedisBroker, client: BoardClient
) -> None:
    # Given a queue that nobody serves
    send(broker)

    # Expect each to be warned in their language, from the same look
    looks = [
        client.get("/", headers=headers).text
        for headers in (CHINESE, {"Accept-Language": "en"}, {})
    ]
    said = ["没有工作进程处理该队列" in looks[0]]
    said += ["1 wait and no worker serves it" in look for look in looks[1:]]
    assert said == [True, True, True]
    answer = client.get("/", headers=CHINESE | {"Accept": "application/json"})
    assert answer.json()["snapshot"]["warnings"] == ["beer: 1 wait and no worker serves it."]
    assert client.get("/nothing?format=json", headers=CHINESE).json()["error"] == "Not Found"


def test_who_is_refused_an_action_is_offered_no_address_that_there_is_not(
    client: BoardClient,
) -> None:
    refused = client.post("/queues/beer/pause", headers={"Origin": "http://evil.example"})
    assert refused.status_code == 403
    assert 'href="?' not in refused.text


def test_a_choice_on_the_board_is_kept(client: BoardClient) -> None:
    page = client.get("/dead?queue=beer")
    [link] = re.findall(r'href="([^"]*)" lang="zh-Hans"', page.text)
    switched = client.get(f"/dead{link.replace('&amp;', '&')}")
    assert '<html lang="zh-Hans">' in switched.text
    cookie = switched.headers["set-cookie"].partition(";")[0]
    assert '<html lang="zh-Hans">' in client.get("/", headers={"Cookie": cookie}).text
