"""Which Dramatiq there has to be."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("version", ["1.18.0", "2.1.0", "2.20.0", "2.3.0"])
def test_another_dramatiq_than_the_one_that_is_relied_on_is_refused_with_what_to_install(
    version: str, tmp_path: Path
) -> None:
    # Given an environment into which something has brought another version
    (tmp_path / "dramatiq.py").write_text(f"__version__ = {version!r}\n")
    path = os.pathsep.join([str(tmp_path), str(_ROOT)])

    # When a program imports the library
    program = subprocess.run(
        [sys.executable, "-c", "import barback"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )

    # Then it is told, in the words of the package's own requirement
    assert program.returncode == 1
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    [requirement] = [each for each in project["dependencies"] if each.startswith("dramatiq")]
    assert program.stderr.endswith(
        f"ImportError: barback needs Dramatiq 2.2, and {version} is installed. "
        f"Install it: pip install '{requirement}'\n"
    )
