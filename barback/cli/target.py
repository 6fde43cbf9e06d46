"""Which server a command is about."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import redis

from barback.broker import RedisBroker
from barback.connection.remedies import explained, remedy
from barback.embedded import EmbeddedServer, EmbeddedServerError
from barback.errors import BrokerUnavailable, UnsuitableServer
from barback.printable import printable_lines
from barback.store.checks import check_format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Unreachable(click.ClickException):
    """The broker cannot be reached."""

    exit_code = 3


@dataclass(frozen=True)
class Target:
    redis_url: str | None
    data_dir: Path
    namespace: str

    @property
    def embedded_server(self) -> EmbeddedServer | None:
        """The embedded server, or None when another one was named."""
        if self.redis_url:
            return None
        with explain_errors():
            return EmbeddedServer(self.data_dir)

    @contextlib.contextmanager
    def broker(self) -> Iterator[RedisBroker]:
        """A broker of the running server. A command that looks does not start one."""
        server = self.embedded_server
        if server is not None and not server.is_running():
            raise Unreachable(
                f"No embedded server runs in {server.data_dir}. "
                "Start it with `python -m barback up`, or set REDIS_URL."
            )
        with explain_errors():
            broker = self._connect(server.url if server else self.redis_url)
            try:
                check_format(broker.store)
                yield broker
            finally:
                broker.close()

    def _connect(self, url: str | None) -> RedisBroker:
        try:
            return RedisBroker(url=url, namespace=self.namespace)
        except ValueError as error:  # the URL has been looked at
            raise click.BadParameter(str(error), param_hint="--namespace") from None


@contextlib.contextmanager
def explain_errors() -> Iterator[None]:
    """Turn what can go wrong with a server into a line for a person, and exit code 3."""
    try:
        yield
    except (EmbeddedServerError, UnsuitableServer) as error:
        raise Unreachable(printable_lines(str(error))) from None
    except UnicodeEncodeError as error:  # an argument that is no UTF-8
        raise click.UsageError(f"Expected text, got {error.object!r:.100}.") from None
    except redis.ResponseError as error:  # it is full, or a replica
        raise Unreachable(f"The server refuses that: {explained(error)}.") from None
    except (redis.RedisError, BrokerUnavailable) as error:
        raise Unreachable(
            f"The server cannot be reached: {explained(error)}."
            + ("" if remedy(error) else " Check REDIS_URL and that the server runs.")
        ) from None
