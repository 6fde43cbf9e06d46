"""`make dev`: what is saved is what runs."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.processes import ProcessStarter
from tests.support.programs import ask_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: Of the eight processes of `make dev`, enough to see that they are started anew.
PROCFILE = "worker-coffee: dramatiq actors -Q coffee --processes 1\nweb: python -m web\n"

#: How long these may take to start on a busy machine, in seconds.
START_TIMEOUT_SECONDS = 60


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what git knows, for the test to change."""
    listed = ask_git(PROJECT_DIR, "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.decode().splitlines():
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT_DIR / name).exists():
            shutil.copy2(PROJECT_DIR / name, target)  # as old as it is, or make installs anew
    (tmp_path / "checkout/Procfile").write_text(PROCFILE)
    return tmp_path / "checkout"


@pytest.fixture
def start_there(
    checkout: Path, environment: Mapping[str, str], tmp_path: Path, free_port: int
) -> Iterator[ProcessStarter]:
    variables = {**environment, "WEB_PORT": str(free_port), "COFFEE_SECONDS": "0"}
    with ProcessStarter(cwd=checkout, env=variables, output_dir=tmp_path) as starter:
        yield starter


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_workers_and_the_website_run_the_code_that_was_saved_last(
    checkout: Path, start_there: ProcessStarter, free_port: int
) -> None:
    website = f"http://127.0.0.1:{free_port}"

    def answers(path: str) -> int | None:
        try:
            return httpx.get(website + path).status_code
        except httpx.TransportError:
            return None

    # Given `make dev`, up and running
    dev = start_there(["make", "dev", f"VENV={sys.prefix}"])
    eventually(lambda: answers("/healthz") == 200, timeout_seconds=START_TIMEOUT_SECONDS)
    assert start_there.run(["python", "producer.py", "--coffees", "1"]).exit_code == 0
    dev.wait_for_output("Served  coffee")

    # When a worker's code and the website's are changed
    change(checkout / "actors/serving.py", '"Served  %s', '"Brought %s')
    change(checkout / "web/health.py", '"/healthz"', '"/well"')

    # Expect both to run what was saved
    eventually(lambda: answers("/well") == 200, timeout_seconds=START_TIMEOUT_SECONDS)
    assert start_there.run(["python", "producer.py", "--coffees", "1"]).exit_code == 0
    dev.wait_for_output("Brought coffee")

    # When it is broken, expect that to be said once, and what runs to go on
    change(checkout / "actors/coffee.py", "def serve_a_coffee", "deff serve_a_coffee")
    dev.wait_for_output("Nothing is started with that.", START_TIMEOUT_SECONDS)
    assert dev.output.count("SyntaxError") == 1
    assert answers("/well") == 200

    # And what was mended to run, and to end when told to
    change(checkout / "web/health.py", '"/well"', '"/fine"')
    change(checkout / "actors/coffee.py", "deff serve_a_coffee", "def serve_a_coffee")
    eventually(lambda: answers("/fine") == 200, timeout_seconds=START_TIMEOUT_SECONDS)
    dev.send_signal_to_group(signal.SIGINT)
    dev.wait(START_TIMEOUT_SECONDS)
    assert "***" not in dev.output  # as make prints when a command failed
    assert answers("/fine") is None


#: Runs a command where so few directories can be watched.
FEW_WATCHES = "echo 20 > /proc/sys/user/max_inotify_watches && exec "


def test_a_system_that_lets_no_more_files_be_watched_is_said_and_leaves_nothing_behind(
    start_there: ProcessStarter, free_port: int
) -> None:
    unshared = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    if subprocess.run([*unshared, f"{FEW_WATCHES} true"], check=False).returncode:
        pytest.skip("this system lets nobody have limits of their own")

    # When `make dev` starts where other programs watch as much as may be watched
    dev = start_there([*unshared, f"{FEW_WATCHES} {sys.executable} dev.py Procfile"])

    # Expect a line with what helps, and an end of what was started
    assert dev.wait(START_TIMEOUT_SECONDS) == 1
    assert "OS file watch limit reached. Allow more" in dev.stderr
    assert "WATCHFILES_FORCE_POLLING=1" in dev.stderr
    assert "Traceback" not in dev.output
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{free_port}/healthz")
