"""Connections to Redis: how they are made, shared, and waited for when they break."""
