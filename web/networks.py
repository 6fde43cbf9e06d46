"""Where a request comes from, as far as limits are concerned."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request

#: Whoever has one IPv6 address has all of this network.
IPV6_PREFIX_LENGTH = 64


def network_of(request: Request) -> str:
    """The IPv4 address or the IPv6 network of whoever sent a request.

    Behind a reverse proxy it is what the proxy says, if TRUSTED_PROXIES names the proxy: uvicorn
    has replaced the address by then.
    """
    return network(request.client.host if request.client else "")


def network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a Unix socket, or a proxy that says something odd
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_LENGTH), strict=False))
