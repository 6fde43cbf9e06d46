"""Every system that can be measured, from ``catalog.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.machine import commit_of
from benchmarks.harness.system import System, UnusableSystem


def _system(name: str, description: dict[str, object]) -> System:
    return System(name=name, **{"app": name} | description)  # type: ignore[arg-type]


SYSTEMS = {
    name: _system(name, description)
    for name, description in tomllib.loads(Path(__file__).with_suffix(".toml").read_text()).items()
}


def older(checkout: Path) -> System:
    """Barback from another checkout of this repository, in the environment of this one's.

    Raises:
      UnusableSystem: When there is no ``barback`` in it.
    """
    if not (checkout / "barback" / "__init__.py").is_file():
        raise UnusableSystem(
            f"{checkout} is no checkout of this repository: it has no barback/. "
            "Make one with: git worktree add PATH COMMIT"
        )
    label = f"Barback at {commit_of(checkout)[:7]}"
    ours = SYSTEMS["ours"]
    return replace(ours, name="older", label=label, environment="ours", checkout=checkout)
