"""A primary that dies while Sentinels watch it, under load."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from tests.barback.faults.conftest import Scene
from tests.barback.faults.producer import Producer
from tests.support.polling import eventually
from tests.support.sentinel import Watched, running_sentinels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with running_sentinels(tmp_path / "servers") as watched:
        yield watched


@pytest.fixture
def scene(watched: Watched, start: ProcessStarter, tmp_path: Path) -> Iterator[Scene]:
    with contextlib.closing(Scene(watched.url, start, tmp_path / "ledger")) as scene:
        yield scene


def test_what_was_confirmed_is_done_though_the_primary_is_killed(
    watched: Watched, scene: Scene
) -> None:
    # Given two workers, and a producer whose jobs a replica has confirmed
    scene.start_worker()
    scene.start_worker()
    with Producer(scene, confirm="replicas:1") as producer:
        producer.wait_for_more(200)

        # When the primary is killed
        scene.ledger.note_fault()
        killed = watched.primary()
        killed.kill()

        # Expect a replica to take over, and all to follow it
        eventually(lambda: watched.primary() is not killed, timeout_seconds=30)
        promoted_at = time.monotonic()
        producer.wait_for_more(200)
        print(f"work goes on {time.monotonic() - promoted_at:.1f} s after")  # noqa: T201
    scene.wait_until_all_is_done(timeout_seconds=30)
    print(f"refused or not confirmed: {producer.refused}")  # noqa: T201 - pytest -rP shows it
    scene.wait_until_nothing_is_left()
