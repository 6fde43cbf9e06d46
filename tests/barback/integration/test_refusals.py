"""A server that refuses, or is none of ours: said in a line, with what helps."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback import RedisBroker
from barback.cli.target import Target, Unreachable
from barback.connection.outage import Outage
from barback.errors import BrokerUnavailable
from tests.support.answering_server import answering_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

OLD = b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n"
NO_PASSWORD = (
    b"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    b"<user> <pass> option can be used to authenticate the client\r\n"
)
PROTECTED = (
    b"-DENIED Redis is running in protected mode because " + b"of many things. " * 60 + b"\r\n"
)
FULL_OF_CLIENTS = b"-ERR max number of clients reached\r\n"
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
SCRIPT = (
    b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
)
HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


def complaint(url: str) -> str:
    """What an operator's command says about a server."""
    with pytest.raises(Unreachable) as caught, Target(url, Path(), "dramatiq").broker():
        pass
    assert caught.value.exit_code == 3
    return caught.value.message


@pytest.fixture
def url_of_user(redis_client: Redis, redis_url: str) -> Iterator[str]:
    """A user who may say hello and nothing else."""
    redis_client.acl_setuser("guest", enabled=True, passwords=["+secret"], commands=["+hello"])
    yield _with_login(redis_url, "guest", "secret")
    redis_client.acl_deluser("guest")


def _with_login(url: str, user: str, password: str) -> str:
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}username={user}&password={password}"


def test_a_host_that_nobody_knows_is_told_with_what_helps() -> None:
    assert "Check the host in the URL" in complaint("redis://no-such-host.invalid")


@pytest.mark.parametrize(
    ("answer", "what", "cure"),
    [
        (NO_PASSWORD, "reached: Authentication required", "User and password go into the URL"),
        (OLD, "got one that is older than 6.0", "Upgrade the server."),
        (HTTP, "got something else", "Check host and port in its URL"),
        (PROTECTED, "protected mode", "Give the server a password."),
        (FULL_OF_CLIENTS, "max number of clients reached", "maxclients"),
        (LOADING, "loading the dataset", "It serves as soon as"),
        (SCRIPT, "busy running a script", "`SCRIPT KILL` ends"),
    ],
)
def test_a_command_says_what_is_wrong_with_the_server_and_what_helps(
    answer: bytes, what: str, cure: str
) -> None:
    with answering_server(answer) as server:
        said = complaint(server.url)

    assert what in said
    assert cure in said
    assert "secret" not in said
    assert len(said) < 500


def test_a_wrong_password_and_a_right_that_is_missing_are_told_with_where_to_change_them(
    url_of_user: str, redis_url: str
) -> None:
    wrong_password = complaint(_with_login(redis_url, "guest", "guessed"))
    may_not = complaint(url_of_user)

    assert "invalid username-password pair" in wrong_password
    assert "no permissions" in may_not
    for said in (wrong_password, may_not):
        assert "User and password go into the URL: redis://user:password@host" in said


def test_a_producer_and_a_loop_say_what_helps_as_well(
    caplog: pytest.LogCaptureFixture, redis_url: str
) -> None:
    broker = RedisBroker(url=_with_login(redis_url, "nobody", "guessed"), middleware=[])
    with pytest.raises(BrokerUnavailable) as caught:
        broker.enqueue(dramatiq.Message("default", "pour", (), {}, {}))
    broker.close()

    Outage(logging.getLogger("loop"), "the loop").report(caught.value)

    assert "User and password go into the URL" in caplog.text


def test_a_silent_server_is_asked_once() -> None:
    with answering_server(b"") as server:
        broker = RedisBroker(url=server.url, middleware=[], socket_timeout=0.2)
        with pytest.raises(BrokerUnavailable, match="Timeout"):
            broker.enqueue(dramatiq.Message("default", "pour", (), {}, {}))
        broker.close()

        assert server.connections == 1
