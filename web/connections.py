"""The limits on the website's connections."""

from __future__ import annotations

from barback.serving import GuardedProtocol
from settings import settings

#: One network gets this share of all connections, unless it may be a proxy that we trust.
NETWORK_SHARE = 0.25


class WebsiteProtocol(GuardedProtocol):
    max_connections = settings.max_connections
    network_share = 1.0 if settings.trusted_proxies else NETWORK_SHARE
