"""Imported first by the programs in this folder: without their packages, one line says so.

And when a shell asks what a command line can go on with, no server is started for that.
"""

import importlib.util
import os
import signal
import sys

if importlib.util.find_spec("dramatiq") is None:
    sys.exit(
        "Error: this Python lacks what the bar needs. In this folder, `make run` installs it once "
        "into .venv, and every terminal wants: . .venv/bin/activate"
    )

# Ctrl-C while all is imported ends a program without a traceback, and later `choose_last_words`
# sees to that.
takes_ctrl_c = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if takes_ctrl_c:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from barback.last_words import choose_last_words  # noqa: E402

choose_last_words()
if takes_ctrl_c:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if any(variable.endswith("_PY_COMPLETE") for variable in os.environ):
    os.environ["REDIS_URL"] = "redis://127.0.0.1"  # nobody connects to it
