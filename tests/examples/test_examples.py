"""Each example's README, followed as a reader would: its commands are run, its output is seen."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from typing import TYPE_CHECKING

import httpx
import pytest

from barback.embedded import EmbeddedServer
from tests.conftest import PROJECT_DIR, program_environment
from tests.support.polling import eventually
from tests.support.processes import ProcessStarter
from tests.support.programs import require_program
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import TestProcess

EXAMPLES = PROJECT_DIR / "examples"

#: What runs on in a terminal of its own, and what it prints once it is up.
RUN_ON = {
    "dramatiq": "Worker process is ready for action.",
    "flask": "Running on",
    "python manage.py rundramatiq": "Worker process is ready for action.",
    "python manage.py runserver": "Starting development server",
    "uvicorn": "Application startup complete.",
}

#: The port in the READMEs. Tests use one that is free.
PORT = "8000"

SLOW = pytest.mark.slow


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    """A directory to import barback from, and nothing else of this checkout."""
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "barback").symlink_to(PROJECT_DIR / "barback")
    return lib


class Reader:
    """Somebody with a README and as many terminals as it takes."""

    def __init__(self, example: Path, lib: Path, output_dir: Path, port: int) -> None:
        self.directory = example
        self.processes: list[TestProcess] = []
        self._terminals = contextlib.ExitStack()
        self._environment = program_environment(
            PYTHONPATH=str(lib), REDIS_URL="", BARBACK_DATA_DIR=""
        )
        self._output_dir = output_dir
        self._port = port
        self._start = self._open_terminal(example)

    def follow(self, readme: Path, *, until: str | None = None) -> None:
        """Do what a README says, up to a command if one is given."""
        for block in read_blocks(readme):
            for line in block.lines:
                if line == until:
                    return
                if block.language == "sh":
                    self.type(line)
                else:
                    self.sees(line)

    def type(self, line: str) -> None:
        """Type a command, and wait until it is done or, if it runs on, until it is up."""
        if line.startswith("pip install "):
            return  # all of it is here
        command = shlex.split(line.replace(PORT, str(self._port)))
        if command[0] == "cd":
            self._start = self._open_terminal(self.directory / command[1])
            return
        if command[0] in {"curl", "diff"}:
            require_program(command[0], install=f"apt install {command[0]}")
        ready = next((RUN_ON[start] for start in RUN_ON if line.startswith(start)), None)
        if command[:3] == ["python", "-m", "barback"]:
            self.end()  # the README says: stop the programs, and then the server
        process = self._start(command)
        self.processes.append(process)
        if ready:
            process.wait_for_output(ready)
        else:
            # diff answers 1: there are differences
            assert process.wait() == int(command[0] == "diff"), process.output

    def sees(self, line: str) -> None:
        """Wait until a line stands in one of the terminals.

        Threads of a worker write at the same time: a line's end may come after another line.
        """
        eventually(
            lambda: line in self._output(),
            timeout_seconds=30,
            complaint=lambda: f"nobody printed {line!r}\n{self._output()}",
        )

    def end(self) -> None:
        for process in self.processes:
            process.kill()

    def close(self) -> None:
        self._terminals.close()

    def _output(self) -> str:
        return "\n".join(process.output for process in self.processes)

    def _open_terminal(self, cwd: Path) -> ProcessStarter:
        output_dir = self._output_dir / str(len(self.processes))
        output_dir.mkdir(parents=True)
        return self._terminals.enter_context(
            ProcessStarter(cwd=cwd, env=self._environment, output_dir=output_dir)
        )


@pytest.fixture
def example(name: str, session_dir: Path) -> Iterator[Path]:
    """A copy of the example, with a path that is short enough for a socket."""
    copy = session_dir / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("__pycache__", ".barback"))
    yield copy
    shutil.rmtree(copy)


@pytest.fixture
def reader(example: Path, lib: Path, tmp_path: Path, free_port: int) -> Iterator[Reader]:
    reader = Reader(example, lib, tmp_path / "output", free_port)
    yield reader
    reader.close()


@SLOW
@pytest.mark.parametrize("name", ["celery-migration", "django", "fastapi", "flask", "minimal"])
def test_the_readme_does_what_it_says(name: str, reader: Reader) -> None:
    assert {block.language for block in read_blocks(EXAMPLES / name / "README.md")} == {
        "sh",
        "text",
    }
    reader.follow(EXAMPLES / name / "README.md")


@SLOW
@pytest.mark.parametrize("name", ["fastapi"])
def test_the_report_of_fastapi_is_fetched_and_an_outage_is_explained(
    name: str, reader: Reader, free_port: int
) -> None:
    website = f"http://127.0.0.1:{free_port}"
    reader.follow(EXAMPLES / name / "README.md", until="python -m barback down")

    # A report is handed out when it is ready
    report_id = httpx.post(f"{website}/reports/4").json()["report_id"]
    reader.sees("The report on month 4 is ready.")
    report = eventually(lambda: found(httpx.get(f"{website}/reports/{report_id}")))
    assert report == {"month": 4, "orders": 400}
    assert httpx.get(f"{website}/reports/no-such").status_code == 404

    # When the broker is away, the API says so
    EmbeddedServer(reader.directory / ".barback").stop()
    assert httpx.post(f"{website}/reports/5").status_code == 503
    assert httpx.get(f"{website}/reports/{report_id}").status_code == 503


def found(response: httpx.Response) -> object:
    return response.json() if response.status_code == 200 else None


def test_every_example_is_listed_and_tested() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    listed = (EXAMPLES / "README.md").read_text()

    assert folders >= {"celery-migration", "django", "fastapi", "flask", "minimal"}
    assert all(f"[{folder}]({folder}/)" in listed for folder in folders)


def test_what_the_celery_example_was_is_python() -> None:
    # Celery itself is not among what the tests need: it does not go with our other packages.
    for path in (EXAMPLES / "celery-migration/before").rglob("*.py"):
        compile(path.read_text(), path, "exec")
