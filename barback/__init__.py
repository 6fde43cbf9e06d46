"""A fast and safe Redis broker for Dramatiq."""

import importlib.util
import sys

# `python -m barback`; a Python before 3.10, which tells less, is to hear of it as well.
if sys.argv[:1] == ["-m"] and "barback" in getattr(sys, "orig_argv", ["barback"]):
    _say_more = sys.excepthook
    sys.excepthook = lambda kind, *about: kind is KeyboardInterrupt or _say_more(kind, *about)
    if importlib.util.find_spec("dramatiq") is None:  # a person wants no traceback
        sys.exit(
            "Error: this Python lacks what barback needs. Activate the environment that has it, "
            "such as: . .venv/bin/activate"
        )

import dramatiq

# What is installed later may bring another one, and pip lets it.
if not dramatiq.__version__.startswith("2.2."):
    raise ImportError(
        f"barback needs Dramatiq 2.2, and {dramatiq.__version__} is installed. "
        "Install it: pip install 'dramatiq>=2.2.1,<2.3'"
    )

from barback.broker import RedisBroker
from barback.sending.bulk import enqueue_all, send_many

__all__ = ["RedisBroker", "__version__", "enqueue_all", "send_many"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module 'barback' has no attribute {name!r}")
    # Not at the top: few programs ask, and it reads files.
    from barback.version import __version__  # noqa: PLC0415

    return __version__
