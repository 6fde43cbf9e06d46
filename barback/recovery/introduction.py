"""What a worker process tells of itself."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from pathlib import Path
from typing import Any

#: When this process began to be a worker, as a Unix time in seconds.
_started_at = time.time()

_STATM = Path("/proc/self/statm")


def describe_process(round_trip_seconds: float | None) -> dict[str, Any]:
    """Who and where this process is, for others.

    Parameters:
      round_trip_seconds: How long its last heartbeat took there and back, or None.
    """
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": _started_at,
        "memory_bytes": memory_bytes(),
        "round_trip_seconds": round_trip_seconds,
    }


def memory_bytes() -> int:
    """How much memory this process has: now, on Linux; elsewhere at the most so far."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
