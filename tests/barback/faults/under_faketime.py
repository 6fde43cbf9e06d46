"""The ``dramatiq`` command on a machine whose clock is wrong.

libfaketime 0.9.10 takes the deadline that ``time.sleep`` gives to the system for one by the wrong
clock, and refuses it. So here ``time.sleep`` waits by other means, from before anything is
imported that uses it.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex) -> None:
    threading.Event().wait(float(seconds))


time.sleep = sleep

from dramatiq.cli import main, make_argument_parser  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(make_argument_parser().parse_args()))
