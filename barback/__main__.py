"""``python -m barback``: look after the broker from a terminal."""

from __future__ import annotations

import sys

try:
    from barback.cli import main
except ModuleNotFoundError as error:
    sys.exit(f"Error: {error}. The command line needs it: pip install click rich")

main(prog_name="python -m barback")
