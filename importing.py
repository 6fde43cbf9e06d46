"""Whether code can be imported, tried once before several programs do it, each of which would end
with a traceback of its own.
"""

from __future__ import annotations

import subprocess
import sys

#: How long importing may take, in seconds; after that it hangs.
IMPORT_TIMEOUT_SECONDS = 60


def try_to_import(*modules: str) -> tuple[int, str]:
    """Import modules of the current folder in a process of their own.

    Returns:
      Its exit code, and what it says when that is not 0.
    """
    names = ", ".join(modules)
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", f"import {names}"],
            stderr=subprocess.PIPE,
            timeout=IMPORT_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"Importing {names} takes more than {IMPORT_TIMEOUT_SECONDS} s."
    return done.returncode, done.stderr.decode(errors="replace").rstrip()
