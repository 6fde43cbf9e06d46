"""Whether messages would be safe where a store is: on that server, and among that data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.connection.server import check_mode, check_server
from barback.errors import UnsuitableServer
from barback.store.scripts import load

if TYPE_CHECKING:
    from barback.connection.confirmation import Confirmation
    from barback.store.store import Store

#: The format of what is stored: which keys there are, and what they mean. It is raised by the
#: version that cannot work beside the one before it; others can be deployed while workers run.
FORMAT = b"1"

_FORMAT = load("format")


def check_store(store: Store, confirmation: Confirmation | None = None) -> None:
    """Refuse a server, or data, that messages would not be safe on.

    Parameters:
      store: The store.
      confirmation: What sends are to be confirmed by, or None.

    Raises:
      UnsuitableServer: When they would not be.
      redis.RedisError: When the server cannot be asked.
    """
    check_server(store.client, confirmation)
    _check(store, store.connections.run(_FORMAT, (store.fleet_keys.format,), (FORMAT,)))


def check_format(store: Store) -> None:
    """Refuse data in a format that this version does not know, and a server that the client is
    not for, and write nothing.

    Raises:
      UnsuitableServer: When it is.
      redis.RedisError: When the server cannot be asked.
    """
    check_mode(store.client)
    _check(store, store.client.get(store.fleet_keys.format))


def _check(store: Store, found: Any) -> None:
    if found in (FORMAT, None):
        return
    got = found.decode(errors="backslashreplace")
    raise UnsuitableServer(
        f"Expected data in format {FORMAT.decode()}, got {got}: "
        f"another version of barback works in the namespace {store.namespace!r}. "
        "Use that version here, too, or give this program a namespace of its own."
    )
