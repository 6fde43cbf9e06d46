"""A virtual environment for each system, so that their requirements cannot clash."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.system import System

PROJECT_DIR = Path(__file__).resolve().parent.parent

#: How long an installation may take, in seconds.
INSTALL_DEADLINE_SECONDS = 300.0


class InstallationError(Exception):
    """A system could not be installed."""


@dataclass(frozen=True)
class Environment:
    """A system's virtual environment."""

    directory: Path

    def program(self, name: str) -> str:
        return str(self.directory / "bin" / name)

    def versions(self) -> dict[str, str]:
        """What is installed: each distribution's version by its name."""
        listing = _pip(self, "list", "--format", "json").stdout
        return {each["name"]: each["version"] for each in json.loads(listing)}


def make_environment(system: System, cache_dir: Path, *, upgrade: bool) -> Environment:
    """Install the newest release of a system, unless that has been done before.

    Parameters:
      system: The system.
      cache_dir: Where the environments are kept.
      upgrade: Look for newer releases even where there is an environment.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = Environment(cache_dir / f"{system.name}-{python}")
    requirements = PROJECT_DIR / "benchmarks" / "systems" / system.name / "requirements.txt"
    stamp = environment.directory / "requirements.installed.txt"
    if not stamp.exists():
        venv.create(environment.directory, with_pip=True, clear=True)
    elif stamp.read_text() == requirements.read_text() and not upgrade:
        return environment
    _pip(environment, "install", "--upgrade", "--quiet", "-r", str(requirements))
    stamp.write_text(requirements.read_text())
    return environment


def _pip(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [environment.program("python"), "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=INSTALL_DEADLINE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise InstallationError(f"pip {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done
