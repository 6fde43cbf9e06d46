"""End-to-end tests: the real programs, as a person or Docker starts them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes import ProcessStarter, TestProcess


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_worker(start: ProcessStarter) -> Callable[..., TestProcess]:
    """Start a small worker of some queues, or of all, and wait until it is ready."""

    def start_worker(*queues: str, **variables: str) -> TestProcess:
        chosen = ["-Q", *queues] if queues else []
        worker = start(
            ["dramatiq", "actors", "--processes", "1", "--threads", "2", *chosen], **variables
        )
        worker.wait_for_output("Worker process is ready for action.")
        return worker

    return start_worker
