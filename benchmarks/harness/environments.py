"""A virtual environment for each system, so that their requirements cannot clash."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.machine import PROJECT_DIR
from benchmarks.harness.system import System, UnusableSystem

#: Where the systems are installed.
CACHE_DIR = PROJECT_DIR / ".benchmarks"

#: How long an installation may take, in seconds.
INSTALL_DEADLINE_SECONDS = 300.0


@dataclass(frozen=True)
class Environment:
    """A system's virtual environment."""

    directory: Path

    def program(self, name: str) -> str:
        return str(self.directory / "bin" / name)

    def versions(self) -> dict[str, str]:
        """What is installed: each distribution's version by its name."""
        listing = self.pip("list", "--format", "json")
        return {each["name"]: each["version"] for each in json.loads(listing)}

    def pip(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program("python"), "-m", "pip", "--disable-pip-version-check", *arguments],
            capture_output=True,
            text=True,
            timeout=INSTALL_DEADLINE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise UnusableSystem(f"pip {' '.join(arguments)} failed:\n{done.stderr.strip()}")
        return done.stdout


def make_environment(system: System, *, upgrade: bool) -> Environment:
    """Install the newest release of a system, unless that has been done before.

    Raises:
      UnusableSystem: When it cannot be installed.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = Environment(CACHE_DIR / f"{system.environment or system.name}-{python}")
    requirements = [each for given in system.requirements for each in _expanded(given)]
    stamp = environment.directory / "requirements.installed.txt"
    if not stamp.exists():
        venv.create(environment.directory, with_pip=True, clear=True)
    elif stamp.read_text() == "\n".join(requirements) and not upgrade:
        return environment
    environment.pip("install", "--upgrade", "--quiet", *requirements)
    stamp.write_text("\n".join(requirements))
    return environment


def _expanded(requirement: str) -> list[str]:
    """What the library itself needs in place of ".": it is not installed but found on the path."""
    if requirement != ".":
        return [requirement]
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])
