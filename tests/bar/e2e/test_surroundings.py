"""Where programs are started that nobody has prepared for them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT_DIR, program_environment

FULL = Path("/dev/full")

#: Nobody connects to it, and no server is started in the checkout.
NOT_CONNECTED = {"REDIS_URL": "redis://127.0.0.1"}


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("program", [["producer.py"], ["-m", "barback"]])
def test_output_on_a_full_disk_ends_a_program_with_one_line(program: list[str]) -> None:
    with FULL.open("w") as full:
        run = subprocess.run(
            [sys.executable, *program, "--help"],
            cwd=PROJECT_DIR,
            # Buffered, as for everybody: then Python writes once more as it ends.
            env=program_environment(PYTHONUNBUFFERED="", **NOT_CONNECTED),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert run.returncode == 1
    assert run.stderr == "Error: No space left on device: something could not be written.\n"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
def test_what_cannot_be_shown_is_not_blamed_on_the_database(tmp_path: Path) -> None:
    with FULL.open("w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "database", "demo-data", "--rows", "1"],
            cwd=PROJECT_DIR,
            env=program_environment(BARBACK_DATA_DIR=str(tmp_path), **NOT_CONNECTED),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert run.returncode == 1
    assert run.stderr == "Error: No space left on device: something could not be written.\n"


def test_a_system_whose_encoding_is_not_utf_8_runs_everything() -> None:
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    run = subprocess.run(
        [sys.executable, "-c", "import producer, scheduler, procfile, web.app"],
        cwd=PROJECT_DIR,
        env=program_environment(**old, **NOT_CONNECTED),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    "program",
    ["producer.py", "scheduler.py list", "procfile.py Procfile", "-m barback status", "-m web"],
)
def test_ctrl_c_while_a_program_is_still_starting_ends_it_without_a_word(
    program: str, tmp_path: Path
) -> None:
    # Given that it comes when the first package is imported
    (tmp_path / "dramatiq.py").write_text(
        "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
    )

    run = subprocess.run(
        [sys.executable, *program.split()],
        cwd=PROJECT_DIR,
        env=program_environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stdout, run.stderr) == (-signal.SIGINT, "", "")


def test_a_python_before_3_10_is_told_what_it_lacks() -> None:
    # Given that it has not sys.orig_argv, nor any packages
    program = "import sys; del sys.orig_argv; sys.argv = ['-m']; import barback"

    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=PROJECT_DIR,
        env=program_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 1
    assert run.stderr.startswith("Error: this Python lacks what barback needs.")
