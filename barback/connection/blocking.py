"""Commands that wait in Redis for longer than a server that does not answer is waited for."""

from __future__ import annotations

from typing import Any

import redis

#: The commands of redis-py that wait, and where each says for how long: in seconds, 0 is for ever.
_PLACES = {
    "BLMOVE": -1,
    "BLMPOP": 1,
    "BLPOP": -1,
    "BRPOP": -1,
    "BRPOPLPUSH": -1,
    "BZMPOP": 1,
    "BZPOPMAX": -1,
    "BZPOPMIN": -1,
}

#: The option of a command in which its waiting travels to where its answer is read.
_OPTION = "barback_wait_seconds"


def with_wait(args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The options of a command, with the time that it waits in Redis, if it does."""
    place = _PLACES.get(args[0])
    return options if place is None else {**options, _OPTION: float(args[place]) or None}


class PatientClient(redis.Redis):
    """A client whose ``socket_timeout`` begins when a command has waited for as long as it asked
    for: Dramatiq's results and barriers wait by such commands, for ten seconds unless told
    otherwise.
    """

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(*args, **with_wait(args, options))  # type: ignore[no-untyped-call]

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        if _OPTION in options:
            connection.can_read(timeout=options.pop(_OPTION))
        return super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
