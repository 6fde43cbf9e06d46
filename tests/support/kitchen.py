"""A worker of a project of one module, ``kitchen``, and messages for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import dramatiq

from tests.conftest import PROJECT_DIR, program_environment
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback import RedisBroker
    from tests.support.processes import TestProcess


@contextlib.contextmanager
def running_kitchen(
    source: str, directory: Path, *, url: str, threads: int, program: str = "dramatiq"
) -> Iterator[TestProcess]:
    """Write the module and start its worker, of one process; yield it when it is ready.

    Parameters:
      source: The module, which finds the address of its server in the variable ``URL``.
      directory: Where the module is written, and the output of its worker.
      url: The server.
      threads: How many the worker has.
      program: The command that starts it.
    """
    (directory / "kitchen.py").write_text(source)
    environment = program_environment(PYTHONPATH=str(PROJECT_DIR), URL=url)
    with ProcessStarter(cwd=directory, env=environment, output_dir=directory) as start:
        worker = start([program, "kitchen", "-p", "1", "-t", str(threads)])
        worker.wait_for_output("ready for action")
        yield worker


def send(broker: RedisBroker, actor_name: str) -> dramatiq.Message[Any]:
    """Send a message to an actor that is declared in the kitchen alone."""
    return broker.enqueue(
        dramatiq.Message(
            queue_name="default", actor_name=actor_name, args=(), kwargs={}, options={}
        )
    )
