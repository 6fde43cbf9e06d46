"""`make up` and `make run`: how they begin, and how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter

#: Says that it is up, and waits to be stopped. Its argument is the exit code that it ends with.
WAITING = """\
import signal, sys
def stop(*_):
    print("[dramatiq.worker.Worker] [INFO] Shutting down...")
    print("bye")
    sys.exit(int(sys.argv[1]))
signal.signal(signal.SIGTERM, stop)
print("up")
signal.pause()
"""


@pytest.fixture
def write_procfile(tmp_path: Path) -> Callable[..., str]:
    """Write a Procfile of programs that wait; return its path."""

    def write_procfile(**exit_codes: int) -> str:
        program = tmp_path / "waiting.py"
        program.write_text(WAITING)
        procfile = tmp_path / "Procfile"
        lines = [f"{name}: python {program} {code} {name}\n" for name, code in exit_codes.items()]
        procfile.write_text("".join(lines))
        return str(procfile)

    return write_procfile


def running(directory: Path) -> list[psutil.Process]:
    """The waiting programs of a directory that run."""
    program = str(directory / "waiting.py")
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if program in (process.info["cmdline"] or []) and process.info["status"] != "zombie"
    ]


@contextlib.contextmanager
def in_a_terminal(procfile: str, directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a Procfile in a terminal of its own; yield the process, and the terminal's other end."""
    user, program = os.openpty()
    command = [sys.executable, "procfile.py", procfile]
    runner = subprocess.Popen(
        command, cwd=PROJECT_DIR, stdout=program, stderr=program, start_new_session=True
    )
    os.close(program)
    try:
        yield runner, user
    finally:
        runner.kill()
        for process in running(directory):
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_nothing_is_left_when_the_terminal_is_closed_or_ends_what_runs_in_it(
    number: signal.Signals, write_procfile: Callable[..., str], tmp_path: Path
) -> None:
    # Given two programs in a terminal
    with in_a_terminal(write_procfile(one=0, two=0), tmp_path) as (runner, user):
        eventually(lambda: len(running(tmp_path)) == 2)

        # When it is closed, or somebody presses Ctrl-\\
        if number == signal.SIGHUP:
            os.close(user)
        os.killpg(runner.pid, number)

        # Expect all to end
        assert runner.wait(timeout=60) == 130  # as after Ctrl-C
        assert running(tmp_path) == []


def test_nothing_is_left_when_a_terminal_is_closed_that_signals_another_program(
    write_procfile: Callable[..., str], tmp_path: Path
) -> None:
    # Given a program in a terminal that will say no more
    with in_a_terminal(write_procfile(one=0), tmp_path) as (runner, user):
        output = b""
        while b"up\r\n" not in output:
            output += os.read(user, 4096)

        # When it is closed, and only `make` is told
        os.close(user)

        # Expect all to end
        assert runner.wait(timeout=60) == 130  # as after Ctrl-C
        assert running(tmp_path) == []


def test_nothing_is_left_when_it_is_stopped_while_it_starts(
    write_procfile: Callable[..., str], start: ProcessStarter, tmp_path: Path
) -> None:
    # Given programs of which the first has just been started
    runner = start(["python", "procfile.py", write_procfile(one=0, two=0, three=0)])
    eventually(lambda: running(tmp_path))

    # When somebody presses Ctrl-C
    runner.send_signal(signal.SIGINT)

    # Expect all to end
    runner.wait()
    assert running(tmp_path) == []
    assert "Traceback" not in runner.output


def test_what_already_runs_is_named(
    write_procfile: Callable[..., str], start: ProcessStarter, tmp_path: Path
) -> None:
    # Given programs whose terminal was closed without them
    procfile = write_procfile(one=0, two=0)
    earlier = start(["python", "procfile.py", procfile])
    eventually(lambda: earlier.stdout.count("| up") == 2)  # before that, they would miss it
    pids = {process.pid for process in running(tmp_path)}
    earlier.send_signal(signal.SIGKILL)

    # When they are started anew
    again = start(["python", "procfile.py", procfile])

    # Expect to be told which still run, and how to end them
    again.wait_for_output("Already running in this folder: ")
    words = again.stderr.replace(")", "").replace(",", "").split()
    assert {"one", "two", *(str(pid) for pid in pids)} <= set(words)
    for process in running(tmp_path):
        with contextlib.suppress(psutil.NoSuchProcess):  # the first to end takes others with it
            process.terminate()


def test_the_end_is_told_without_its_routine(
    write_procfile: Callable[..., str], start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a program that ends well, and one that does not
    runner = start(["python", "procfile.py", write_procfile(one=0, failing=3)])
    eventually(lambda: len(running(tmp_path)) == 2)
    eventually(lambda: runner.stdout.count("| up") == 2)

    # When they are told to stop
    runner.send_signal(signal.SIGINT)
    assert runner.wait() == 130

    # Expect their last words, and to hear of the one that failed
    end = runner.stdout.split("SIGINT received\n")[1]
    assert sorted(line.split("|")[1].strip() for line in end.splitlines()) == [
        "bye",
        "bye",
        "failing stopped (rc=3)",
        "stopping; what is being served is finished first",
    ]


@pytest.mark.slow
def test_the_end_is_explained_by_the_last_line(start: ProcessStarter, tmp_path: Path) -> None:
    # Given a website that refuses its settings, beside a worker that says more than that
    procfile = tmp_path / "Procfile"
    procfile.write_text(
        "worker: dramatiq actors -Q coffee --processes 1\nweb: python -m web --demo\n"
    )

    run = start.run(["python", "procfile.py", str(procfile)], WEB_HOST="0.0.0.0")  # noqa: S104

    assert run.exit_code == 2
    last = run.stderr.splitlines()[-1]
    assert last.startswith("web ended first, with exit code 2: Error: with the default WEB_SECRET")


def test_programs_run_where_nobody_can_be_shown_what_they_say(
    start: ProcessStarter, tmp_path: Path
) -> None:
    (tmp_path / "Procfile").write_text("one: python -c 'raise SystemExit(7)'\n")

    run = start.run(["sh", "-c", f"exec python procfile.py '{tmp_path}/Procfile' >&-"])

    assert run.exit_code == 7
    assert run.stderr == "one ended first, with exit code 7: it said nothing\n"


def test_lines_are_printed_without_the_blanks_at_their_ends(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a program that pads its lines, as tables do, and leaves one empty
    program = tmp_path / "table.py"
    program.write_text('print("beer      1   ")\nprint()\nprint("coffee    2   ")\n')
    procfile = tmp_path / "Procfile"
    procfile.write_text(f"table: python {program}\n")

    # When it runs
    run = start.run(["python", "procfile.py", str(procfile)])

    # Expect lines that take no more room than what is to be read in them
    assert [line for line in run.stdout.splitlines() if line.startswith(" table")] == [
        " table  | beer      1",
        " table  | ",
        " table  | coffee    2",
    ]


@pytest.mark.parametrize("taken", ["WEB_PORT", "BARBACK_BOARD_PORT"])
def test_a_taken_port_is_one_line_before_anything_starts(
    taken: str, start: ProcessStarter, free_port: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ports = {"WEB_PORT": str(free_port), taken: str(port)}

        run = start.run(["python", "procfile.py", "Procfile"], **ports)

        assert run.exit_code == 1
        [line] = [line for line in run.output.splitlines() if "Already running" not in line]
        assert f"port {port} on 127.0.0.1 is taken" in line
        assert f"{taken}={port + 1}" in line


def test_a_slip_in_an_actor_is_told_once_before_anything_starts(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given three programs that import a module with a syntax error
    (tmp_path / "slipped.py").write_text("def serve_a_juice(:\n")
    procfile = tmp_path / "Procfile"
    procfile.write_text(
        "beer: dramatiq slipped -Q beer\ncoffee: dramatiq slipped\nclock: periodiq slipped\n"
    )

    run = start.run(["python", "procfile.py", str(procfile)], PYTHONPATH=str(tmp_path))

    assert run.exit_code == 1
    assert run.output.count("Traceback") == 1
    assert "slipped.py" in run.output
    assert "started (pid=" not in run.output
    assert run.output.endswith("Nothing is started with that. Mend it, and start again.\n")


@pytest.mark.parametrize(
    "program",
    ["producer.py", "scheduler.py", "-m barback status", "-m database migrate", "-m web"],
)
def test_without_the_environment_one_line_says_how_to_get_it(
    program: str, start: ProcessStarter
) -> None:
    # -S: without what is installed
    run = start.run([sys.executable, "-S", *program.split()])

    assert run.exit_code == 1
    [line] = run.output.splitlines()
    assert ". .venv/bin/activate" in line
