"""A producer that goes on while servers die."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Self

from barback.errors import BrokerUnavailable
from tests.barback.faults.conftest import message
from tests.support.polling import eventually

if TYPE_CHECKING:
    from tests.barback.faults.conftest import Scene

#: The pause between two jobs, in seconds.
PAUSE_SECONDS = 0.002


class Producer:
    """Sends one job after another in a thread, and notes those that were accepted as promised.

    Parameters:
      scene: Where to.
      confirm: What each send waits for; it may be changed meanwhile.
    """

    def __init__(self, scene: Scene, *, confirm: str | None = None) -> None:
        self.confirm = confirm
        self.refused = 0
        self._scene = scene
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more were accepted."""
        wanted = len(self._scene.ledger.promised) + count
        eventually(lambda: len(self._scene.ledger.promised) >= wanted, timeout_seconds=30)

    def finish(self) -> None:
        """Wait until each job that was accepted took effect, when no more are sent."""
        self._scene.wait_until_all_is_done(timeout_seconds=30)
        print(f"refused or not confirmed: {self.refused}")  # noqa: T201 - pytest -rP shows it
        self._scene.wait_until_nothing_is_left()

    def _run(self) -> None:
        for number in itertools.count():
            if self._stop.wait(PAUSE_SECONDS):
                return
            job_id = f"job-{number}"
            try:
                self._scene.broker.enqueue(message(job_id), confirm=self.confirm)
            except BrokerUnavailable:
                self.refused += 1
            else:
                self._scene.ledger.promised.add(job_id)
