"""The links in e-mails: signed, so that nobody else makes one, and good for a while."""

from __future__ import annotations

import datetime as dt
import uuid

from itsdangerous import BadData, URLSafeTimedSerializer

from settings import settings

#: How long the address can be confirmed, in seconds.
CONFIRMATION_TTL_SECONDS = 2 * 86_400

#: How long a new password can be chosen, in seconds.
RESET_TTL_SECONDS = 3_600

_confirmations = URLSafeTimedSerializer(settings.web_secret, salt="confirm-email")
_resets = URLSafeTimedSerializer(settings.web_secret, salt="reset-password")


def confirmation_url(link_id: uuid.UUID) -> str:
    return f"{settings.public_url}/confirm/{_confirmations.dumps(link_id.hex)}"


def reset_url(link_id: uuid.UUID) -> str:
    return f"{settings.public_url}/new-password/{_resets.dumps(link_id.hex)}"


def read_confirmation_token(token: str) -> uuid.UUID | None:
    """The link that a token stands for; None when it is forged, damaged or too old."""
    return _read(_confirmations, token, CONFIRMATION_TTL_SECONDS)


def read_reset_token(token: str) -> uuid.UUID | None:
    """The link that a token stands for; None when it is forged, damaged or too old."""
    return _read(_resets, token, RESET_TTL_SECONDS)


def _read(serializer: URLSafeTimedSerializer, token: str, ttl_seconds: int) -> uuid.UUID | None:
    try:
        link_id, signed_at = serializer.loads(token, return_timestamp=True)
    except BadData:
        return None
    # Not by `max_age`, which refuses what was signed by a clock that is ahead of this one.
    age = dt.datetime.now(dt.UTC) - signed_at
    return uuid.UUID(link_id) if age <= dt.timedelta(seconds=ttl_seconds) else None
