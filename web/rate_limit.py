"""How much one network, and all of them together, may ask for in a minute."""

from __future__ import annotations

import math

from fastapi import Depends, HTTPException, Request

from email_addresses import InvalidAddress, parse_address
from settings import settings
from translations import gettext as _
from web.moving_window import MovingWindow
from web.networks import network_of

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

# In this process's memory: the limits must hold when the broker is away, too.
_attempts = MovingWindow(settings.sign_ups_per_minute)
_log_ins = MovingWindow(settings.sign_ups_per_minute)
_writes = MovingWindow(settings.writes_per_minute)
_all_writes = MovingWindow(settings.total_writes_per_minute)


async def _limit_writes(request: Request) -> None:  # async: it waits for no free thread
    if request.method in _SAFE_METHODS:
        return
    _count(_writes, network_of(request), _("Too many requests from your network."))
    _count(_all_writes, "all", _("Too many people are asking for something."))


def _limit_attempts(request: Request) -> None:
    _count(_attempts, network_of(request), _("Too many attempts from your network."))


def count_log_in(email: str) -> None:
    """Count an attempt to log in to an account, from wherever it comes.

    Raises: HTTPException with status 429, for addresses without an account, too.
    """
    try:
        # A domain has many spellings, and all of them are one account.
        who = parse_address(email.strip()).addr_spec.lower()
    except InvalidAddress:
        return  # no account has it
    _count(_log_ins, who, _("Too many attempts to log in as this one."))


def _count(window: MovingWindow, who: str, refusal: str) -> None:
    wait_seconds = window.hit(who)
    if wait_seconds is not None:
        raise HTTPException(
            429,
            _("%(refusal)s Please try again in a minute.", refusal=refusal),
            {"Retry-After": str(max(1, math.ceil(wait_seconds)))},
        )


#: Of every route: whatever is added to the website, its POSTs are limited.
WRITE_LIMIT = Depends(_limit_writes)

#: Of every route that takes a password or sends an e-mail.
ATTEMPT_LIMIT = Depends(_limit_attempts)
