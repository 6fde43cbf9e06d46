"""Sentinels: which server is the primary now."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from barback.connection.blocking import PatientClient
from barback.connection.hosts import Hosts, check_names
from barback.connection.patience import CONNECT_TIMEOUT_WITH_OTHERS_SECONDS, connection_parameters
from barback.errors import NotWatched
from barback.printable import first_line

SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
DEFAULT_SENTINEL_PORT = 26379

FORM = "redis+sentinel://:password@host:26379,host2:26379/SERVICE/0"

#: What the options of a URL that are for the Sentinels themselves begin with.
MARK = "sentinel_"

#: How long a Sentinel may take, in seconds. The primary's host is often a Sentinel's, too: who
#: waited long for that one would follow late.
SENTINEL_TIMEOUT_SECONDS = 1


def sentinel_client(url: str, parameters: dict[str, Any]) -> redis.Redis:
    """A client of whichever server the Sentinels name.

    Raises:
      ValueError: When the URL cannot be used.
    """
    hosts = _hosts(url)
    tls = {"ssl": True} if hosts.tls else {}
    database = {"db": int(hosts.path[1])} if len(hosts.path) > 1 else {}
    patience = {"socket_connect_timeout": CONNECT_TIMEOUT_WITH_OTHERS_SECONDS}
    shared = connection_parameters(
        {**patience, **hosts.credentials, **database, **tls, **hosts.options, **parameters}
    )
    sentinels: Any = _Sentinels(  # type: ignore[no-untyped-call]
        hosts.addresses,
        sentinel_kwargs={
            "socket_timeout": SENTINEL_TIMEOUT_SECONDS,
            "socket_connect_timeout": SENTINEL_TIMEOUT_SECONDS,
            "retry": Retry(NoBackoff(), 0),  # the next Sentinel is what is tried instead
            **{name: value for name, value in shared.items() if name.startswith("ssl")},
            **hosts.marked_options,
        },
        **shared,
    )
    connection_class = _EncryptedConnection if shared.pop("ssl", False) else _Connection
    client: redis.Redis = sentinels.master_for(
        hosts.path[0], redis_class=PatientClient, connection_class=connection_class
    )
    return client


def _hosts(url: str) -> Hosts:
    try:
        hosts = Hosts.parse(url, default_port=DEFAULT_SENTINEL_PORT, mark=MARK)
    except ValueError as error:
        raise ValueError(f"{error}; a Sentinel URL should look like {FORM}") from None
    if not hosts.path:
        raise ValueError(
            "it does not name the service that the Sentinels watch, such as mymaster; a Sentinel "
            f"URL should look like {FORM}"
        )
    _, *database = hosts.path
    if len(database) > 1 or not all(part.isdecimal() for part in database):
        raise ValueError(f"behind the service comes a number alone, the database: {FORM}")
    connection_class = redis.SSLConnection if hosts.tls else redis.Connection
    for options in (hosts.options, hosts.marked_options):
        check_names(options, connection_class)
    return hosts


class _Reconnecting:
    """A mixin for redis-py's connections, which ask the Sentinels when they are made, but go back
    to the same server, three times, when they were broken off: it may have vanished.
    """

    _is_asking = False

    def connect(self) -> None:
        self._is_asking = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._is_asking = False

    def connect_check_health(self, *args: Any, **kwargs: Any) -> None:
        if self._is_asking:
            super().connect_check_health(*args, **kwargs)  # type: ignore[misc]
        else:
            self.connect()


class _Connection(_Reconnecting, SentinelManagedConnection):
    """A connection to the primary."""


class _EncryptedConnection(_Reconnecting, SentinelManagedSSLConnection):
    """An encrypted one."""


class _Sentinels(Sentinel):
    """As redis-py's, which asks one after the other, goes no further than the first that is no
    Sentinel, and whose errors do not tell why nobody names a primary.
    """

    def discover_master(self, service_name: str) -> tuple[str, int]:
        answers: SimpleQueue[_Answer] = SimpleQueue()
        for sentinel in self.sentinels:
            asking = Thread(
                target=lambda it: answers.put(self._ask(it, service_name)),
                args=[sentinel],
                daemon=True,
            )
            asking.start()
        reasons: list[str] = []
        told_dead = 0
        is_wrong = True
        # When most take it for dead, those that are silent cannot know better.
        while len(reasons) < len(self.sentinels) and told_dead <= len(self.sentinels) // 2:
            answer = answers.get()
            if answer.primary is not None:
                return answer.primary
            reasons.append(answer.reason)
            told_dead += answer.is_dead
            is_wrong &= answer.is_wrong
        why = f"No Sentinel names a primary of {service_name!r}: {'; '.join(reasons)}"
        if is_wrong:
            raise NotWatched(f"{why}. The URL of Sentinels and a service that they watch: {FORM}.")
        raise MasterNotFoundError(why)

    def _ask(self, sentinel: redis.Redis, service_name: str) -> _Answer:
        kwargs = sentinel.connection_pool.connection_kwargs
        address = f"{kwargs['host']}:{kwargs['port']}"
        try:
            primaries: Any = sentinel.sentinel_masters()
        except redis.ResponseError as error:
            return _Answer(
                f"{address} answers like no Sentinel ({first_line(error)})", is_wrong=True
            )
        except (redis.RedisError, OSError) as error:
            return _Answer(f"{address}: {first_line(error)}")
        state = primaries.get(service_name)
        if state is None:
            watched = ", ".join(sorted(primaries)) or "nothing"
            return _Answer(f"{address} watches {watched}", is_wrong=True)
        if not self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
            return _Answer(f"{address} takes the primary for dead", is_dead=True)
        return _Answer(primary=(state["ip"], state["port"]))


@dataclass(frozen=True)
class _Answer:
    """What a Sentinel has said: the primary's address, or why there is none."""

    reason: str = ""
    primary: tuple[str, int] | None = None
    is_dead: bool = False
    is_wrong: bool = False
