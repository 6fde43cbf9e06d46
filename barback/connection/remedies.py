"""What helps when a server refuses: it says so in its own words, and never how to go on."""

from __future__ import annotations

import re

import redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError

from barback.printable import first_line, shortened

#: A refusal may go on for long about all that one could do.
MAX_REASON_LENGTH = 300

_LOGIN = "User and password go into the URL: redis://user:password@host:6379/0"

#: How Redis says that a password is missing, which nobody is meant to read.
_NO_PASSWORD = re.compile("HELLO must be called with the client already authenticated.*")

#: By the type of the error or by what it says, a pattern, where redis-py has no type for it.
_REMEDIES: dict[type[Exception] | str, str] = {
    redis.AuthenticationError: _LOGIN,
    redis.exceptions.NoPermissionError: f"Let the user do that, or use another one. {_LOGIN}",
    "HELLO must be called": _LOGIN,
    "DENIED ": f"Give the server a password. {_LOGIN}",
    "max number of clients": "Raise its `maxclients`, or stop programs that hold connections",
    "CERTIFICATE_VERIFY_FAILED.* mismatch": "Name it in the URL as its certificate does",
    "CERTIFICATE_VERIFY_FAILED": "Renew its certificate, or name in the URL who has signed it: "
    "?ssl_ca_certs=ca.pem",
    "Error -": "Check the host in the URL, which has no address here",  # negative: of getaddrinfo
    BusyLoadingError: "It serves as soon as it has read its data",
    ReadOnlyError: "Name its primary in the URL, or the Sentinels: "
    "redis+sentinel://host:26379/SERVICE/0",
    OutOfMemoryError: "Raise its `maxmemory`, or have workers drain the queues",
    "NOREPLICAS ": "Start the replicas that its `min-replicas-to-write` asks for",
    "MISCONF ": "Make room on its disk; its log says more",
    # Behind a port: a socket of Unix that is not there is a server that does not run.
    r":\d+\. (No such file|Is a directory|Permission denied)": "With TLS, that is a file which "
    "ssl_ca_certs, ssl_certfile or ssl_keyfile names",
    "BUSY ": "`SCRIPT KILL` ends a script that somebody else runs there",
}


def remedy(error: BaseException) -> str:
    """What helps against a refusal, without a full stop; nothing where that is not known."""
    refusal = error.__cause__ or error
    said = first_line(refusal)
    for kind, text in _REMEDIES.items():
        if re.search(kind, said) if isinstance(kind, str) else isinstance(refusal, kind):
            return text
    return ""


def explained(error: BaseException) -> str:
    """What went wrong, and what helps if that is known, without a full stop."""
    said = _NO_PASSWORD.sub("Authentication required", first_line(error))
    reason = shortened(said, MAX_REASON_LENGTH)
    cure = remedy(error)
    return f"{reason}. {cure}" if cure else reason
