"""Which machine and which commit a result is from."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil

PROJECT_DIR = Path(__file__).resolve().parents[2]


def machine_facts() -> dict[str, str | int]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gigabytes": round(psutil.virtual_memory().total / 1e9),
        "distribution": _distribution(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def commit_of(checkout: Path) -> str:
    """The commit of a checkout, marked where files differ from it; or "unknown"."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _distribution() -> str:
    if sys.platform == "linux":
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return platform.platform(terse=True)
