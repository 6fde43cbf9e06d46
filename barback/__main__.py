"""``python -m barback``: look after the broker from a terminal."""

from __future__ import annotations

import sys

from barback.last_words import choose_last_words


def run(prog_name: str = "barback") -> None:
    """Run the command line. As a program of its own, it is called ``barback``."""
    choose_last_words()
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
    main(prog_name=prog_name)


if __name__ == "__main__":
    run("python -m barback")
