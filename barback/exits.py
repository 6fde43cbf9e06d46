"""How command lines that are not ours end because of us: with one line instead of a traceback."""

from __future__ import annotations

import contextlib
import errno
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from dramatiq.compat import StreamablePipe
from dramatiq.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from types import FrameType

#: The exit codes of ``dramatiq`` when it has been asked for what there is not, and when the broker
#: cannot be used.
EXIT_USAGE = 2
EXIT_BROKER = 3

#: That of ``dramatiq`` at the second signal.
EXIT_KILLED = 1

#: As a shell says it of a program that ended with its terminal.
EXIT_HANG_UP = 129

_STDERR = 2

#: How often a process looks whether its parent and its main thread live, in seconds.
_LOOK_SECONDS = 1.0


def end_process(text: str, exit_code: int) -> NoReturn:
    """End a process of such a command line, and say why.

    All of Dramatiq's processes end for the same reason, and the first one says it.
    """
    if multiprocessing.current_process().name in ("MainProcess", "Process-1"):
        sys.stderr.write(f"Error: {text}\n")
    raise SystemExit(exit_code)


def end_with_terminal() -> None:
    """End a process of such a command line if its terminal has been closed.

    Dramatiq takes that for the wish to start anew, which the same signal stands for where there is
    no terminal; the worker would be left behind, and serve with its old code whatever is ordered.

    Raises:
      SystemExit: If so.
    """
    if terminal_is_gone():
        raise SystemExit(EXIT_HANG_UP)


def terminal_is_gone() -> bool:
    """Whether standard error is a terminal that has been closed."""
    try:
        os.get_terminal_size(_STDERR)
    except OSError as error:
        return error.errno == errno.EIO  # something else than a terminal says something else
    return False


def end_in_time(is_at_work: Callable[[], bool]) -> None:
    """Have a process of such a command line stop once its parent is gone, as if told to; and end
    once it was told to stop twice.

    Where the parent was killed, nobody would be left to tell it: it would go on with its old code
    and without a log, beside the one that was started instead. At the second signal Dramatiq ends
    the main thread alone: Python then waits for the event loop of asynchronous actors, for ever.

    Parameters:
      is_at_work: Whether a worker of this process has not been stopped in order.
    """
    threading.Thread(
        target=_end_in_time, args=(is_at_work,), name="barback-end", daemon=True
    ).start()


def _end_in_time(is_at_work: Callable[[], bool]) -> None:
    parent, main_thread = os.getppid(), threading.main_thread()
    has_parent = True
    while main_thread.is_alive():
        if has_parent and os.getppid() != parent:
            has_parent = False
            _write_to_nobody(sys.stderr)
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LOOK_SECONDS)  # as a rule, it ends by itself
    if is_at_work():
        os._exit(EXIT_KILLED)


def _write_to_nobody(log: Any) -> None:
    """Drop what is logged from now on: the parent, which read it, is gone. The pipe stays open, as
    this process has a copy of the parent's end; once it is full, whoever writes waits for ever.
    """
    if isinstance(log, StreamablePipe):
        log.write = len  # type: ignore[method-assign]


def outlive_the_log() -> None:
    """Have a process of such a command line drop what it writes when nobody reads its log any more,
    as behind ``| less`` or ``| tee``.

    Its main process then closes the pipe that both have. But those that it forked have copies of
    the ends from which it reads: with them, whoever writes more than the pipe holds waits for ever,
    holds the lock of the log, and does not even end when told to.
    """
    for pipe in _copied_pipes():
        pipe.close()
    log = sys.stderr
    if isinstance(log, StreamablePipe):
        write: Any = log.write

        def write_or_drop(text: str) -> None:
            with contextlib.suppress(BrokenPipeError):
                write(text)

        log.write = write_or_drop  # type: ignore[method-assign]


def _copied_pipes() -> list[Connection]:
    """The ends from which Dramatiq's main process reads, if this one is forked from it."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - nobody else knows them
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == ("dramatiq.cli", "main"):
            names = frame.f_locals
            return [*names.get("worker_pipes", ()), *filter(None, [names.get("read_pipe")])]
        frame = frame.f_back
    return []


@contextlib.contextmanager
def without_traceback() -> Iterator[None]:
    """Have Dramatiq's command line say in one line that there is no broker, and why.

    It logs what comes out of the module that makes the broker, and exits.
    """
    try:
        yield
    except ConnectionFailed:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_in_one_line)
        raise


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info and record.exc_info[1]
    if isinstance(error, ConnectionFailed) and record.name.startswith("dramatiq."):
        is_url = isinstance(error, ValueError)
        record.msg = f"The URL of the broker is wrong: {error}." if is_url else str(error)
        record.args, record.exc_info = None, None
    return True
