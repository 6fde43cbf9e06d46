"""A private Valkey server for a machine that has no Redis."""

from barback.embedded.server import EmbeddedServer
from barback.errors import EmbeddedServerError

__all__ = ["EmbeddedServer", "EmbeddedServerError"]
