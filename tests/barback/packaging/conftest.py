"""barback's wheel, and environments that it is installed in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT_DIR
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: What the wheel is made of.
SOURCES = ("pyproject.toml", "LICENSE", "barback")

INSTALL_TIMEOUT_SECONDS = 240


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, which has nothing in it that an earlier build left."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        origin = PROJECT_DIR / name
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, source / name)
    _uv("build", "--quiet", "--out-dir", source / "dist", source)
    [wheel] = (source / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Install the wheel with some extras, such as ``[cli]``, in an empty environment.

    Returns where the environment's programs are.
    """

    def install(extras: str) -> Path:
        directory = tmp_path_factory.mktemp("environment")
        _uv("venv", "--quiet", "--python", sys.executable, directory)
        requirement = f"barback{extras} @ {wheel.as_uri()}"
        _uv("pip", "install", "--quiet", "--python", directory, requirement)
        return directory / "bin"

    return install


@pytest.fixture
def start_away(environment: Mapping[str, str], tmp_path: Path) -> Iterator[ProcessStarter]:
    """Start programs where there is no checkout to import from."""
    with ProcessStarter(cwd=tmp_path, env=environment, output_dir=tmp_path) as starter:
        yield starter


def _uv(*arguments: str | Path) -> None:
    program = Path(sys.executable).parent / "uv"
    subprocess.run([program, *arguments], check=True, timeout=INSTALL_TIMEOUT_SECONDS)
