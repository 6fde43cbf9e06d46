"""Where a server is, in a line."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis
from redis.asyncio import Redis as AsyncRedis
from redis.sentinel import SentinelConnectionPool

from barback import RedisBroker
from barback.connection.cluster_client import cluster_options
from barback.connection.url import check_redis_url, client_for

SENTINELS = "redis+sentinel://:password@host:26379,host2:26379/SERVICE/0"
CLUSTER = "redis+cluster://:password@host:6379,host2:6379"
#: What all of the forms begin with, when it is not clear which is meant.
ANY = "it should look like redis://:password@host:6379/0, rediss://"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("localhost:6379", ANY),
        ("http://localhost", ANY),
        ("redis-sentinel://h/bar", ANY),
        ("redis+clusters://h", ANY),
        ("redis://[::1/0", ANY),
        ("redis://h:99999", ANY),
        ("redis://a..b/0", f"there is no such host; {ANY}"),
        (f"redis://{'a' * 300}/0", f"there is no such host; {ANY}"),
        ("redis+cluster://h,a..b", f"expected HOST:PORT.*{CLUSTER}"),
        ("redis://h,h2:6379/0", f"several hosts, which are either .*{SENTINELS} or {CLUSTER}"),
        ("redis://h/cache", "a number alone, the database, such as redis://host:6379/0"),
        ("redis://h?max_age=3", "do not take its option max_age"),
        ("redis://h?socket_timeout=-1", "socket_timeout, or not with this value"),
        ("redis://h?socket_connect_timeout=nan", "socket_connect_timeout, or not with this value"),
        ("redis://h?decode_responses=true", "decode_responses, or not with this value"),
        ("unix:///path?timeout=5", "do not take its option timeout"),
        ("redis+sentinel://h/bar?socket_timeout=0", "socket_timeout, or not with this value"),
        ("redis+cluster://h?socket_timeout=1e300", "socket_timeout, or not with this value"),
        ("unix://", "does not name the socket; it should look like unix:///path"),
        ("redis+sentinel://h:26379", f"does not name the service.*{SENTINELS}"),
        ("redis+sentinel:///bar/0", f"expected HOST:PORT.*{SENTINELS}"),
        ("redis+sentinel://h,/bar/0", f"expected HOST:PORT.*{SENTINELS}"),
        ("redis+sentinel://h:x/bar/0", f"expected HOST:PORT.*{SENTINELS}"),
        ("redis+sentinel://h/bar/first", f"a number alone, the database: {SENTINELS}"),
        ("redis+sentinel://h/bar/0/1", f"a number alone, the database: {SENTINELS}"),
        ("redis+sentinel://h/bar?sentinel_pasword=x", "do not take its option pasword"),
        ("redis+sentinel://h/bar?ssl_ca_certs=ca.pem", "do not take its option ssl_ca_certs"),
        ("redis+cluster://", f"expected HOST:PORT.*{CLUSTER}"),
        ("redis+cluster://h,h2:port", f"expected HOST:PORT.*{CLUSTER}"),
        ("redis+cluster://h/3", f"no databases.*{CLUSTER}"),
        ("redis+cluster://h?db=3", f"no databases.*{CLUSTER}"),
        ("redis+cluster://h?socket_timeout=long", f"a value that it cannot have.*{CLUSTER}"),
        ("rediss+cluster://h?ssl_cert_reqs=perhaps", "ssl_cert_reqs, or not with this value"),
    ],
)
def test_a_wrong_url_is_answered_with_the_right_form(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.sub(r"[+?]", r"\\\g<0>", complaint)):
        check_redis_url(url)


@pytest.mark.parametrize("url", ["redis://h", "rediss://h", "unix:///s", None])
def test_a_parameter_that_is_misspelled_is_refused_before_anything_is_sent(url: str | None) -> None:
    with pytest.raises(TypeError, match="max_mesage_bytes"):
        client_for(url, {"max_mesage_bytes": 5})


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
@pytest.mark.parametrize("password", ["a/b+c=", "a?b", "a#b", "[a"])
def test_a_password_that_ends_the_address_early_is_told_how_to_be_written(
    scheme: str, password: str
) -> None:
    url = f"{scheme}://:{password}@h:6379/bar"

    with pytest.raises(ValueError, match="characters in a password are written as %XX") as checked:
        check_redis_url(url)
    with pytest.raises(ValueError, match="characters in a password are written as %XX"):
        client_for(url, {})
    assert password not in str(checked.value)


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
def test_no_complaint_shows_a_password(scheme: str) -> None:
    # Given a password that ends the address early
    for url in (f"{scheme}://:pas/phrase@h/bar", f"{scheme}://:pas?phrase@h/bar/x"):
        with pytest.raises(ValueError, match="host:") as caught:
            check_redis_url(url)
        assert "phrase" not in str(caught.value)
        assert ":pas/" not in str(caught.value)


def test_sentinels_take_options_for_themselves_and_for_the_servers() -> None:
    url = (
        "rediss+sentinel://bar:p%40ss@h:1,h2/mymaster/3?ssl_ca_certs=ca.pem&socket_timeout=2.5"
        "&sentinel_username=watch&sentinel_password=other&sentinel_socket_timeout=0.5"
    )
    pool: Any = client_for(url, {"socket_timeout": 9}).connection_pool

    # Expect the servers' own: parameters complete the URL, as for a single server
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "mymaster"
    ours = pool.connection_kwargs
    assert (ours["username"], ours["password"], ours["db"]) == ("bar", "p@ss", 3)
    assert (ours["socket_timeout"], ours["ssl_ca_certs"]) == (9, "ca.pem")
    # And those of the Sentinels, who have the same certificates
    sentinels = [each.connection_pool for each in pool.sentinel_manager.sentinels]
    addresses = [
        (each.connection_kwargs["host"], each.connection_kwargs["port"]) for each in sentinels
    ]
    assert addresses == [("h", 1), ("h2", 26379)]
    for each in sentinels:
        assert issubclass(each.connection_class, redis.SSLConnection)
        theirs = {"username": "watch", "password": "other", "socket_timeout": 0.5}
        assert theirs.items() <= each.connection_kwargs.items()
        assert each.connection_kwargs["ssl_ca_certs"] == "ca.pem"


def test_an_option_may_say_that_something_is_not_to_be() -> None:
    check_redis_url("redis://h?retry_on_timeout=no&socket_timeout=0.5")


def test_a_cluster_takes_options_too() -> None:
    options = cluster_options("rediss+cluster://bar:p%40ss@h:1,[::1]?ssl_ca_certs=ca.pem")

    assert [(node.host, node.port) for node in options.pop("startup_nodes")] == [
        ("h", 1),
        ("::1", 6379),
    ]
    assert options == {
        "ssl": True,
        "username": "bar",
        "password": "p@ss",
        "ssl_ca_certs": "ca.pem",
    }


def test_a_client_of_asyncio_is_refused_when_a_broker_is_made() -> None:
    client: Any = AsyncRedis()
    with pytest.raises(ValueError, match=r"Expected a client .* got one of redis\.asyncio"):
        RedisBroker(client=client)
