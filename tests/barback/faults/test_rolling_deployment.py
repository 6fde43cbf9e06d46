"""The previous commit and this one side by side, under load, and back again."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from barback.store.checks import FORMAT
from tests.barback.faults.conftest import Scene
from tests.barback.faults.producer import Producer
from tests.conftest import PROJECT_DIR
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

#: What a producer of the previous version runs: messages of every kind, sent in every way.
SEND = """
import os, sys
from barback import RedisBroker
from dramatiq import Message

def message(number, actor="job"):
    return Message("jobs", actor, (f"old-{number}",), {}, {})

broker = RedisBroker(url=os.environ["FAULTS_REDIS_URL"])
broker.enqueue_many(message(n) for n in range(100))
for n in range(100, 120):
    broker.enqueue(message(n), delay=500)
    broker.enqueue(message(n + 20, "fail_at_first"))
    broker.enqueue_once(message(n + 40), token=str(n), ttl_seconds=60)
"""
SENT = {f"old-{number}" for number in range(160)}


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """A checkout of the previous commit or, where that keeps its data otherwise, of this one."""
    for revision in ("HEAD~1", "HEAD"):
        checkout = tmp_path / revision
        _check_out(revision, checkout)
        if _format_of(checkout) == FORMAT:
            return checkout
    raise AssertionError("unreachable: HEAD has the format of the working tree, or should")


def _check_out(revision: str, directory: Path) -> None:
    archive = subprocess.run(
        ["git", "-C", str(PROJECT_DIR), "archive", revision, "barback", "tests"],
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        pytest.skip(f"there is no {revision} here: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory, filter="data")


def _format_of(checkout: Path) -> bytes | None:
    """The format of what a checkout stores; None where that had no number yet."""
    path = checkout / "barback/store/checks.py"
    if not path.exists():
        return None
    found = re.search(r'^FORMAT = b"(.*)"$', path.read_text(), re.MULTILINE)
    return found[1].encode() if found else None


@pytest.fixture
def previous_scene(
    scene: Scene, previous: Path, environment: dict[str, str], tmp_path: Path
) -> Iterator[Scene]:
    """The same scene, in which workers are of the previous version."""
    output_dir = tmp_path / "previous"
    output_dir.mkdir()
    with ProcessStarter(cwd=previous, env=environment, output_dir=output_dir) as start:
        yield Scene(scene.redis_url, start, scene.ledger.path)


def test_nothing_is_lost_while_versions_replace_each_other(
    scene: Scene, previous_scene: Scene, previous: Path, environment: dict[str, str]
) -> None:
    # Given a worker of the previous version, and a producer of this one
    old = previous_scene.start_worker()
    with Producer(scene) as producer:
        producer.wait_for_more(100)

        # When a worker of this version joins it, and it is killed with what it holds
        new = scene.start_worker()
        producer.wait_for_more(100)
        scene.ledger.note_fault()
        old.kill()
        producer.wait_for_more(100)

        # And when that is taken back: a worker of the previous version joins, this one's is killed
        old = previous_scene.start_worker()
        producer.wait_for_more(100)
        new.kill()

        # And when a producer of the previous version sends, while a worker is replaced gently
        subprocess.run(
            ["python", "-c", SEND],
            cwd=previous,
            env={**environment, "FAULTS_REDIS_URL": scene.redis_url},
            timeout=60,
            check=True,
        )
        scene.ledger.promised |= SENT
        scene.start_worker()
        assert old.stop() == 0
        producer.wait_for_more(100)

    # Expect each message to be done
    scene.wait_until_all_is_done(timeout_seconds=40)
    scene.wait_until_nothing_is_left()
