"""Turns commands into bytes, without redis-py's detours.

redis-py copies the arguments of each command twice, in Python, before hiredis packs them: that is
two thirds of what packing costs. All arguments of this package are plain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.connection import HiredisRespSerializer
from redis.utils import HIREDIS_AVAILABLE

if HIREDIS_AVAILABLE:
    from hiredis import pack_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from barback.connection.script import Command

    Packer = Callable[[Sequence[Command]], Any]


def packer_of(connection: Any) -> Packer:
    """What packs commands for one of redis-py's connections: as that itself would."""
    if type(vars(connection).get("_command_packer")) is not HiredisRespSerializer:
        return connection.pack_commands  # type: ignore[no-any-return]
    return _pack


def _pack(commands: Sequence[Command]) -> list[bytes]:
    return [b"".join([pack_command(command) for command in commands])]  # type: ignore[arg-type]
