"""The website behind nginx, by the file in deploy/."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.programs import require_program
from tests.support.website import start_website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter
    from tests.support.website import Website

pytestmark = pytest.mark.slow

NAME = "bar.example.org"
LOOPBACK = "127.0.0.1"


@pytest.fixture
def website(start: ProcessStarter) -> Website:
    return start_website(start, WEB_URL=f"https://{NAME}", TRUSTED_PROXIES=LOOPBACK)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def nginx_port(
    start: ProcessStarter, website: Website, authority: trustme.CA, tmp_path: Path
) -> int:
    """The port of an nginx in front of the website."""
    nginx = require_program("nginx", install="apt-get install nginx-light")
    certificate = authority.issue_cert(NAME)
    certificate.private_key_pem.write_to_path(tmp_path / "bar.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "bar.crt")
    port = free_port()
    text = (PROJECT_DIR / "deploy" / "nginx.conf").read_text()
    for there, here in {
        "127.0.0.1:8000": website.url.removeprefix("http://"),
        "listen 80 ": f"listen {LOOPBACK}:{free_port()} ",
        "listen 443 ": f"listen {LOOPBACK}:{port} ",
        "/etc/nginx/bar.": f"{tmp_path}/bar.",
        "/var/log/nginx/": f"{tmp_path}/",
    }.items():
        assert there in text
        text = text.replace(there, here)
    (tmp_path / "nginx.conf").write_text(text)
    globally = f"daemon off; pid {tmp_path}/nginx.pid;"
    server = start([nginx, "-c", f"{tmp_path}/nginx.conf", "-e", "stderr", "-g", globally])

    def answers() -> bool:
        assert server.exit_code is None, server.output
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, port)) == 0

    eventually(answers)
    return port


@pytest.fixture
def client(nginx_port: int, authority: trustme.CA) -> Iterator[httpx.Client]:
    """A browser, more or less, that takes nginx for the host of that name."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with httpx.Client(
        base_url=f"https://{LOOPBACK}:{nginx_port}",
        headers={"Host": NAME},
        verify=context,
        timeout=10,
    ) as client:
        yield client


def get(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.get(path, headers=headers, extensions={"sni_hostname": NAME})


def test_pages_and_streams_come_through(client: httpx.Client) -> None:
    # Given a page, for its cookie
    page = get(client, "/orders")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"]

    # Expect a stream to begin at once, though it does not end
    with client.stream("GET", "/orders/events", extensions={"sni_hostname": NAME}) as stream:
        assert stream.status_code == 200
        assert next(stream.iter_text())


def test_a_client_s_word_on_its_address_is_not_believed(
    client: httpx.Client, website: Website
) -> None:
    get(client, "/orders", **{"X-Forwarded-For": "192.0.2.66"})

    eventually(lambda: "GET /orders" in website.process.output)
    assert "192.0.2.66" not in website.process.output


def test_tokens_of_links_are_not_logged(
    client: httpx.Client, website: Website, tmp_path: Path
) -> None:
    # When links of e-mails are opened, also while the website is away, and a page
    for _ in range(2):
        get(client, "/new-password/Secret.one")
        get(client, "/confirm/Secret.two?lang=Secret.three")
        get(client, "/orders")
        website.process.kill()

    # Expect that of nginx's logs to tell where they led, and no more
    logs = (tmp_path / "access.log", tmp_path / "error.log")
    eventually(lambda: logs[0].read_text().count("GET /orders") == 2)
    text = "".join(log.read_text() for log in logs)
    assert "GET /new-password/..." in text
    assert "GET /confirm/..." in text
    assert "Secret" not in text


def test_silent_connections_take_nobody_s_place(client: httpx.Client, nginx_port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection((LOOPBACK, nginx_port)))

        assert get(client, "/orders").status_code == 200


def test_a_flood_does_not_reach_the_website(
    website: Website, nginx_port: int, authority: trustme.CA
) -> None:
    # Given that all which nginx passes on is answered at once, and so by nginx
    website.process.kill()

    # When somebody sends more requests than the file allows, without waiting for any answer
    context = ssl.create_default_context()
    authority.configure_trust(context)
    answers, count = b"", 400
    with (
        socket.create_connection((LOOPBACK, nginx_port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as connection,
    ):
        connection.sendall(f"GET /orders HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode() * count)
        while answers.count(b"HTTP/1.1 ") < count:
            received = connection.recv(65_536)
            assert received, f"nginx has ended the connection after {answers[-500:]!r}"
            answers += received

    # Expect them to be passed on as far as that, and no further
    statuses = Counter(int(status) for status in re.findall(rb"HTTP/1.1 (\d{3}) ", answers))
    assert statuses.keys() == {502, 429}
    assert statuses[502] >= 100


def test_another_name_gets_no_answer(nginx_port: int, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://{LOOPBACK}:{nginx_port}", verify=context)
