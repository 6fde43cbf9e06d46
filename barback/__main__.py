"""``python -m barback``: look after the broker from a terminal."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from barback.full_disk import explain_full_disk


def run(prog_name: str = "barback") -> None:
    """Run the command line. As a program of its own, it is called ``barback``."""
    try:
        from barback.cli import main  # noqa: PLC0415 - part of the extra
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"click", "rich"}:
            raise
        sys.exit(
            f"Error: the command line needs the package {package}, which barback's extra `cli` "
            "brings. Install it: pip install click rich"
        )
    explain_full_disk()
    _take_any_streams()
    main(prog_name=prog_name)


def _take_any_streams() -> None:
    """A terminal may lack characters that names from outside have, and a service all streams."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - until the end
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    run("python -m barback")
