"""What a process makes when it is first wanted, in whichever thread."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")


def made_once(make: Callable[[], Made]) -> Callable[[], Made]:
    """Have a function called once. As :func:`functools.cache` does, which calls it for each of the
    threads that come before it has returned; here they wait for the first one.
    """
    made = functools.cache(make)
    making = threading.RLock()

    @functools.wraps(make)
    def wait_or_make() -> Made:
        with making:
            return made()

    return wait_or_make
