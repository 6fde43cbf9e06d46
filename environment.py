"""Imported first by the programs in this folder: without their packages, one line says so.

Ctrl-C in the second that the imports take ends them without a traceback. And when a shell asks what
a command line can go on with, no server is started for that.
"""

import importlib.util
import os
import sys

if importlib.util.find_spec("dramatiq") is None:
    sys.exit(
        "Error: this Python lacks what the bar needs. In this folder, `make run` installs it once "
        "into .venv, and every terminal wants: . .venv/bin/activate"
    )

_say_more = sys.excepthook
sys.excepthook = lambda kind, *about: kind is KeyboardInterrupt or _say_more(kind, *about)

from barback.full_disk import explain_full_disk  # noqa: E402 - most of that second

explain_full_disk()

if any(variable.endswith("_PY_COMPLETE") for variable in os.environ):
    os.environ["REDIS_URL"] = "redis://127.0.0.1"  # nobody connects to it
