"""The website in Chinese: who gets it, and that it is all in Chinese."""

from __future__ import annotations

import email
import re
import sys
from email.policy import default
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.english import english_on
from tests.support.polling import eventually
from tests.support.website import PASSWORD, Website, start_website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter


pytestmark = pytest.mark.slow

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}

PATHS = [
    *("/", "/orders", "/standing-orders", "/reports", "/account", "/docs", "/lesson"),
    *("/log-in", "/log-in?after=new-password&next=/reports", "/new-password", "/new-password/sent"),
    *("/new-password/not-a-token", "/sign-up", "/sign-up/done", "/sign-up/new-link"),
    *("/confirm/not-a-token", "/reports/nonsense", "/lesson/nonsense", "/no-such-page"),
]


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    return start_website(start_here, "--demo", SIGN_UPS_PER_MINUTE="1000")


@pytest.fixture
def visitor(website: Website) -> Iterator[httpx.Client]:
    """Somebody whose browser prefers Chinese."""
    with httpx.Client(base_url=website.url, timeout=20, headers=CHINESE) as client:
        yield client


def send(visitor: httpx.Client, form: str, to: str | None = None, **fields: str) -> httpx.Response:
    """Send the form of a page."""
    token = re.findall(r'name="form_token" value="([^"]*)"', visitor.get(form).text)[0]
    fields["form_token"] = token
    return visitor.post(to or form, data=fields, follow_redirects=True)


def english_left(page: httpx.Response) -> set[str]:
    """What is left in English, except for the names of time zones."""
    return english_on(re.sub(r'<option value="[A-Z][^<]*</option>', "", page.text))


def language_of(page: httpx.Response) -> str:
    return page.text.partition('<html lang="')[2].partition('"')[0]


def test_a_page_is_in_the_language_that_the_browser_prefers(website: Website) -> None:
    for header, tag in [("zh-CN,zh;q=0.9", "zh-Hans"), ("en-US", "en"), ("fr", "en"), ("", "en")]:
        page = httpx.get(website.url, headers={"Accept-Language": header})
        assert language_of(page) == page.headers["Content-Language"] == tag
        assert {"Accept-Language", "Cookie"} <= set(re.split(r",\s*", page.headers["Vary"]))


def test_a_choice_on_the_page_is_kept_and_weighs_more_than_the_browser_s(
    visitor: httpx.Client,
) -> None:
    # When somebody follows the link of the other language, on a page with parameters
    page = visitor.get("/log-in?next=/reports")
    [link] = re.findall(r'href="([^"]*)" lang="en"', page.text)
    switched = visitor.get(page.url.join(link.replace("&amp;", "&")))

    # Expect the same page in that language, and the others, too
    assert language_of(switched) == "en"
    assert switched.url.path == "/log-in"
    assert 'name="next" value="/reports"' in switched.text
    assert language_of(visitor.get("/orders")) == "en"
    assert "HttpOnly" in switched.headers["Set-Cookie"]


def test_the_links_of_the_languages_lead_nowhere_where_there_is_no_page(
    visitor: httpx.Client,
) -> None:
    # Given forms that are refused, at addresses that are pages and at those that are none
    for address in ("/orders", "/orders/1/cancel", "/log-out", "/reports/1/cancel"):
        refused = visitor.post(address, data={"form_token": "forged", "drink": "beer", "key": "k"})
        for link in re.findall(r'href="([^"]*)" lang=', refused.text):
            assert visitor.get(refused.url.join(link)).status_code == 200, address


@pytest.mark.parametrize("wanted", ["", "fr", "zh; Domain=evil", "../..", "EN"])
def test_a_language_that_there_is_not_changes_nothing(visitor: httpx.Client, wanted: str) -> None:
    page = visitor.get(
        "/", params={"lang": wanted}, headers={"Cookie": f"barback_language={wanted}"}
    )
    assert language_of(page) == "zh-Hans"
    assert "barback_language=" not in page.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("path", PATHS)
def test_no_english_is_left_on_a_page_in_chinese(website: Website, path: str) -> None:
    with (
        httpx.Client(base_url=website.url, headers=CHINESE) as guest,
        website.staff() as staff,
    ):
        for page in (guest.get(path), staff.get(path, headers=CHINESE)):
            assert english_left(page) == set()


def test_orders_are_followed_in_chinese(visitor: httpx.Client) -> None:
    page = send(visitor, "/orders", drink="coffee", key="k")
    assert "咖啡" in page.text
    assert "目前没有工作进程在处理咖啡" in page.text
    with visitor.stream("GET", "/orders/events") as events:
        event = next(line for line in events.iter_lines() if "state" in line)
    assert "排队中" in event
    order_id = re.findall(r"/orders/(\w+)/cancel", page.text)[0]
    assert "已取消" in send(visitor, "/orders", f"/orders/{order_id}/cancel").text


def test_a_round_of_the_lesson_is_watched_in_chinese(visitor: httpx.Client) -> None:
    page = send(visitor, "/lesson", key="k")
    assert "目前没有工作进程处理队列 lesson-both、lesson-beer、lesson-coffee。" in page.text
    assert english_left(page) == set()


def test_a_report_is_made_and_read_in_chinese(website: Website, start_here: ProcessStarter) -> None:
    # Given some sales and an open report
    start_here.run([sys.executable, "-m", "database", "demo-data", "--rows", "20000"])
    with website.staff() as staff:
        staff.headers.update(CHINESE)
        [month] = re.findall(r'value="(\d{4}-\d\d)" selected', staff.get("/reports").text)
        report = send(staff, "/reports", month=month)
        assert "等待工作进程" in report.text
        assert english_left(report) == set()

        # When a worker makes it
        start_here(["dramatiq", "actors", "-Q", "reports", "--processes", "1", "--threads", "1"])
        eventually(lambda: "每日销售额" in staff.get(report.url.path).text, timeout_seconds=60)

        # Expect numbers, dates and drinks as Chinese writes them
        page = staff.get(report.url.path).text
        assert english_on(page) == set()
        year, number = month.split("-")
        assert f"<h1>{year}年{int(number)}月</h1>" in page
        assert re.search(r"售出 \d[\d,]* 份饮品。", page)
        assert re.search(r"<title>\d+月1日：啤酒 . \d+，€[\d,.]+</title>", page)


def test_a_standing_order_is_made_and_said_in_chinese(visitor: httpx.Client) -> None:
    page = send(
        visitor,
        "/standing-orders",
        drink="beer",
        days="mon",
        time="08:00",
        timezone="Asia/Shanghai",
    )
    assert "周一 08:00（Asia/Shanghai）：" in page.text
    assert re.search(r"[\d天小时分钟秒]+后，\d+月\d+日周一 08:00 CST", page.text)
    assert "亚洲" in page.text
    assert "Asia/Shanghai 上海" in page.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"time": "08:00"}, "请至少选择一天。"),
        ({"schedule": "10s"}, "最多每分钟执行一次"),
        ({"schedule": "0 25 * * *"}, "作为 cron 表达式也不正确"),
        ({"schedule": "2020-01-01 09:00"}, "已经过去"),
        ({"schedule": "0s"}, "这样的时间间隔"),
        ({"days": "mon", "time": "08:00", "timezone": "Europe/Mars"}, "没有名为 "),
    ],
)
def test_what_is_wrong_with_a_standing_order_is_said_in_chinese(
    visitor: httpx.Client, fields: dict[str, str], words: str
) -> None:
    page = send(visitor, "/standing-orders", **{"drink": "beer", "timezone": "UTC"} | fields)
    assert page.status_code == 422
    assert words in page.text
    assert english_left(page) == set()


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("/sign-up", {"email": "ada", "password": "short"}),
        (
            "/sign-up",
            {"email": "ada\uff20example.org", "password": "password123"},
        ),
        ("/sign-up", {"email": "ada@example.org", "password": "x" * 300}),
        ("/sign-up", {"email": "a" * 300, "password": PASSWORD}),
        ("/new-password", {"email": "ä@example.org"}),
        ("/new-password", {"email": "@"}),
        ("/log-in", {"email": "ada@example.org", "password": "wrong"}),
        ("/orders", {"drink": "tea", "key": "k"}),
    ],
)
def test_what_is_wrong_with_a_form_is_said_in_chinese(
    visitor: httpx.Client, form: str, fields: dict[str, str]
) -> None:
    page = send(visitor, form, **fields)
    assert page.status_code == 422
    assert language_of(page) == "zh-Hans"
    assert english_left(page) == set()


def test_a_form_that_has_expired_and_a_page_for_the_staff_are_refused_in_chinese(
    visitor: httpx.Client, website: Website
) -> None:
    expired = visitor.post("/orders", data={"drink": "beer", "key": "k", "form_token": "old"})
    guest = website.log_in("guest@example.org", is_staff=False)
    visitor.cookies.set("bar_session", guest)
    refused = visitor.get("/reports")
    for page in (expired, refused):
        assert page.status_code == 403
        assert english_left(page) == set()


def test_programs_get_english_whatever_they_accept(website: Website) -> None:
    answer = httpx.get(f"{website.url}/api/orders/none", headers=CHINESE)
    assert answer.json() == {"detail": "There is no such order."}
    bad = httpx.post(
        f"{website.url}/api/sign-ups", json={"email": "ada", "password": "x"}, headers=CHINESE
    )
    assert bad.text.isascii()


def test_emails_are_in_the_language_in_which_somebody_signed_up(
    website: Website, start_here: ProcessStarter, directory: Path
) -> None:
    # When one person signs up in Chinese and another one in English, and a worker comes
    for tag, address in [("zh", "lan@example.org"), ("en", "ada@example.org")]:
        with httpx.Client(base_url=website.url, headers={"Accept-Language": tag}) as visitor:
            send(visitor, "/sign-up", email=address, password=PASSWORD)
    start_here(["dramatiq", "actors", "-Q", "email", "--processes", "1", "--threads", "1"])
    mailbox = directory / "mailbox"
    eventually(lambda: len(list(mailbox.glob("confirm-*.eml"))) == 2, timeout_seconds=60)

    # Expect each to read their own, and the link to be whole in the file
    mails = {}
    for path in mailbox.glob("confirm-*.eml"):
        assert re.search(r"^http://\S+/confirm/\S+$", path.read_text(), re.MULTILINE)
        mail = email.message_from_bytes(path.read_bytes(), policy=default)
        mails[str(mail["To"])] = mail
    assert mails["lan@example.org"]["Subject"] == "请确认您的电子邮件地址"
    for part in mails["lan@example.org"].walk():
        if part.get_content_maintype() == "text":
            assert english_on(part.get_content()) == set()
    assert mails["ada@example.org"]["Subject"] == "Please confirm your e-mail address"


def test_every_page_has_the_switch(visitor: httpx.Client) -> None:
    link = re.compile(r'<a href="\?\S*lang=(\w+)" lang="[\w-]+"[^>]*?( aria-current="true")?>')
    for path in PATHS:
        found = link.findall(visitor.get(path, follow_redirects=True).text)
        assert found == [("en", ""), ("zh", ' aria-current="true"')], path
