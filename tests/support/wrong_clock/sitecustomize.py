"""What every Python program does first whose clock a test has set wrong.

libfaketime 0.9.10 takes the deadline that ``time.sleep`` gives to the system for one by the wrong
clock, and refuses it (https://github.com/wolfcw/libfaketime/issues/426). So here ``time.sleep``
waits by other means, from before anything is imported that uses it.
"""

from __future__ import annotations

import threading
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex) -> None:
    threading.Event().wait(float(seconds))


time.sleep = sleep
