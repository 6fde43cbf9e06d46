"""Where a request comes from, as far as limits are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barback.serving import network

if TYPE_CHECKING:
    from fastapi import Request


def network_of(request: Request) -> str:
    """The IPv4 address or the IPv6 network of whoever sent a request.

    Behind a reverse proxy it is what the proxy says, if TRUSTED_PROXIES names the proxy: uvicorn
    has replaced the address by then.
    """
    return network(request.client.host if request.client else "")
