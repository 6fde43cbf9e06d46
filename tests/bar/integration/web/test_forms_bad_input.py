"""The forms and the paths under input that no browser would send, on PostgreSQL.

PostgreSQL takes no NUL in a text, SQLite no lone surrogate, and a multipart form may claim to be in
an encoding that makes either out of plain ASCII.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.website import PASSWORD, start_website

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter
    from tests.support.website import Website

NASTY = [
    b"",
    b"\0",
    b"beer\0",
    b"ada@example.org\0",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"+2AA-",
    b"\x1b[31mred",
    b"a\r\nb",
    "\N{RIGHT-TO-LEFT OVERRIDE}moc".encode(),
    b"9" * 3000,
    b"* * * * *\0",
    b"1h\0",
    b"9999-12-31 23:59",
    b"0001-01-01 00:00",
    b"posix/Europe/Lisbon",
    b"../../etc/passwd",
    b"<script>",
    b"2026-13",
    b"{{7*7}}",
    b"%00",
]
#: No page can hold them.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CHARSETS = ["utf-8", "utf-7", "unicode_escape", "utf-16", "no-such-charset", "rot13"]

FORMS = {
    "/lesson": {"key": b"k"},
    "/orders": {"drink": b"beer", "key": b"k"},
    "/reports": {"month": b"2026-01"},
    "/sign-up": {"email": b"ada@example.org", "password": PASSWORD.encode()},
    "/log-in": {"email": b"ada@example.org", "password": PASSWORD.encode(), "next": b"/orders"},
    "/new-password": {"email": b"ada@example.org"},
    "/standing-orders": {
        "drink": b"beer",
        "days": b"mon",
        "time": b"08:00",
        "schedule": b"90m",
        "timezone": b"UTC",
        "key": b"k",
    },
}
PATHS = [
    "/lesson/{}",
    "/lesson/{}/events",
    "/orders/{}",
    "/api/orders/{}",
    "/reports/{}",
    "/reports/{}/events",
    "/reports/{}/sales.csv",
    "/api/reports/{}",
    "/confirm/{}",
    "/new-password/{}",
    "/log-in?next={}",
    "/static/{}",
    "/orders?ordered={}",
]
SEGMENTS = [
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "%0a",
    "%1b[31m",
    "%2e%2e%2f",
    "x" * 3000,
    "%EF%BF%BE",
]


@pytest.fixture
def website(start: ProcessStarter, postgres_url: str) -> Website:
    start.run([sys.executable, "-m", "database", "migrate"], DATABASE_URL=postgres_url)
    return start_website(
        start,
        DATABASE_URL=postgres_url,
        SIGN_UPS_PER_MINUTE="100000",
        MAX_QUEUE_LENGTH="100000",  # a full bar answers 503, too
    )


def multipart(fields: dict[str, bytes], charset: str) -> tuple[bytes, str]:
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n'
        b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n" + value + b"\r\n"
        for name, value in fields.items()
    ]
    content_type = f"multipart/form-data; boundary=edge; charset={charset}"
    return b"".join(parts) + b"--edge--\r\n", content_type


def bad_forms(good: dict[str, bytes]) -> Iterator[tuple[bytes, str]]:
    """The form with one field spoilt, in all encodings."""
    for name in good:
        for value in NASTY:
            fields = good | {name: value}
            yield (
                b"&".join(
                    key.encode() + b"=" + b"".join(b"%%%02x" % byte for byte in text)
                    for key, text in fields.items()
                ),
                "application/x-www-form-urlencoded",
            )
        for charset in CHARSETS:
            yield multipart(good | {name: b"+2AA-"}, charset)


@pytest.mark.slow
def test_no_form_and_no_path_breaks_the_website(website: Website) -> None:
    broken: list[tuple[object, ...]] = []
    with website.staff() as client:
        token = re.findall(r'name="form_token" value="([^"]*)"', client.get("/orders").text)[0]
        for path, good in FORMS.items():
            for body, content_type in bad_forms(good | {"form_token": token.encode()}):
                answer = client.post(path, content=body, headers={"Content-Type": content_type})
                if answer.status_code >= 500 or CONTROL_CHARACTERS.search(answer.text):
                    broken.append((path, content_type, body))
        for path in PATHS:
            broken += [
                (path, segment)
                for segment in SEGMENTS
                if client.get(path.format(segment)).status_code >= 500
            ]
        for key in ("\x01", "k" * 200, "ÿ"):
            key_header = [(b"Idempotency-Key", key.encode("latin-1"))]
            answer = client.post("/api/orders", json={"drink": "beer"}, headers=key_header)
            if answer.status_code >= 500:
                broken.append(("/api/orders", key))
        for body in (b'{"drink": "\\ud800"}', b'{"drink": "\\u0000"}', b'{"drink": 1e999}', b"[]"):
            for path in ("/api/orders", "/api/reports", "/api/sign-ups"):
                headers = {"Content-Type": "application/json"}
                answer = client.post(path, content=body, headers=headers)
                if answer.status_code >= 500:
                    broken.append((path, body))
        nul = {"email": "ada@example.org", "password": "four plain\0 english words"}
        assert client.post("/api/sign-ups", json=nul).status_code == 422
    assert broken == [], website.process.output[-3000:]
