"""What a form makes once, however often it is sent: whoever waits for an answer presses again."""

from __future__ import annotations

import hmac

from settings import settings


def id_of(what: str, sender: str, key: str) -> str:
    """The id of what somebody makes: the same for the same sender and key.

    It is keyed: nobody reads another one's order by computing its id.
    """
    text = f"{what}\0{sender}\0{key}".encode(errors="surrogatepass")
    return hmac.digest(settings.web_secret.encode(), text, "sha256")[:16].hex()
