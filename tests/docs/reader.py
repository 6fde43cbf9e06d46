"""Somebody who does what a page says: writes files, types commands, looks for what they print."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import yaml

from tests.conftest import PROJECT_DIR, program_environment
from tests.support.masks import missing_lines
from tests.support.polling import eventually
from tests.support.processes import ProcessStarter
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import TestProcess
    from tests.support.readme import Block

#: What runs on in a terminal of its own, and what it prints once it is up.
RUN_ON = {
    "dramatiq ": "Worker process is ready for action.",
    "periodiq ": "Registered periodic actors",
    "python scheduler.py run": "Running standing orders",
    "python -m web": "The bar's website:",
    "python -m barback board": "The board:",
}

#: The server that pages name where a project has one of its own.
NAMED_SERVER = "redis://127.0.0.1:6379/0"

#: How long a command may take to end, and a line to appear.
_PATIENCE_SECONDS = 300

#: How much is told, when a page is wrong, of what each other terminal shows.
_NOTED_CHARACTERS = 3_000

#: How data is read, by its language.
PARSERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
}


class Reader:
    """A reader of one page, with as many terminals as it takes.

    Parameters:
      directory: The checkout that they work in.
      output_dir: Where the output of their commands goes.
      server_url: A server that stands for the one that pages name.
      ports: Ports of the pages, and free ones to take instead.
    """

    def __init__(
        self, directory: Path, output_dir: Path, *, server_url: str, ports: dict[str, int]
    ) -> None:
        self._directory = directory
        self._output_dir = output_dir
        self._server_url = server_url
        self._ports = ports
        self.environment = program_environment(REDIS_URL="", BARBACK_DATA_DIR="", **_listen(ports))
        self._terminals = contextlib.ExitStack()
        self._start = self._open_terminal()
        self._running: list[TestProcess] = []
        self._latest: list[TestProcess] = []
        self._script: list[str] = []

    def follow(self, page: Path) -> None:
        """Do what a page says, from its beginning to its end."""
        try:
            for block in read_blocks(page):
                if "stop" in block.marks:
                    self._stop_all()
                if block.not_run is None:
                    where = f"{page.name}:{block.line_number}"
                    self._do(block, where)
            self._run_script(page.name)
        except AssertionError as error:
            for process in self._running:
                error.add_note(process.output[-_NOTED_CHARACTERS:])
            raise

    def close(self) -> None:
        self._terminals.close()

    def _do(self, block: Block, where: str) -> None:
        text = self._adapt(block.text)
        if block.title is not None:
            self._write(block.title, text)
        elif block.language == "python":
            self._script.append(f"{text}\n")
        elif block.language == "sh":
            self._latest = []
            commands = re.sub(r"\\\n\s*", "", text).splitlines()
            for number, command in enumerate(commands, 1):
                is_last = number == len(commands)
                code = int(block.marks.get("exit code", "0")) if is_last else 0
                self._type(command, where, exit_code=code)
        elif block.language == "text" or (block.language == "json" and self._latest):
            self._run_script(where)
            self._see(text.splitlines(), where)

    def _write(self, name: str, text: str) -> None:
        """Write a file, unless it is one of the checkout's, of which the page shows a part."""
        if (PROJECT_DIR / name).exists():
            return
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _type(self, command: str, where: str, *, exit_code: int) -> None:
        """Type a command; wait until it is done or, if it runs on, until it is up."""
        words = shlex.split(command, comments=True)
        if not words:
            return
        if words[0] == "cd":
            self._directory = self._directory / words[1]
            self._start = self._open_terminal()
            return
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environment[name] = value
            self._start = self._open_terminal()
            return
        if words[0] == "make":
            command += f" VENV={shlex.quote(sys.prefix)}"
        process = self._start(["bash", "-c", command])
        self._latest.append(process)
        bare = re.sub(r"^(\w+=\S+ )+", "", command)
        ready = next((RUN_ON[start] for start in RUN_ON if bare.startswith(start)), None)
        if ready and exit_code == 0:
            process.wait_for_output(ready)
            self._running.append(process)
        else:
            assert process.wait(_PATIENCE_SECONDS) == exit_code, (
                f"{where}: {command}\n{process.output}"
            )

    def _see(self, lines: list[str], where: str) -> None:
        """Wait until the lines stand in the terminals."""
        terminals = [*self._latest, *(it for it in self._running if it not in self._latest)]

        def printed() -> str:
            return "\n".join(process.output for process in terminals)

        eventually(
            lambda: not missing_lines(lines, printed()),
            timeout_seconds=_PATIENCE_SECONDS,
            complaint=lambda: (
                f"{where}: nobody printed {missing_lines(lines, printed())}\n{printed()}"
            ),
        )

    def _run_script(self, where: str) -> None:
        """Run the Python of the page up to here, as one program."""
        if not self._script:
            return
        path = self._directory / "code_of_the_page.py"
        path.write_text("\n".join(self._script))
        self._script = []
        process = self._start([sys.executable, "-W", "error::SyntaxWarning", str(path)])
        self._latest = [process]
        assert process.wait() == 0, f"{where}: {process.output}"

    def _stop_all(self) -> None:
        for process in self._running:
            process.kill()
        self._running = []

    def _adapt(self, text: str) -> str:
        """The same with a server and ports of the test's own."""
        text = text.replace(NAMED_SERVER, self._server_url)
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return text

    def _open_terminal(self) -> ProcessStarter:
        self._output_dir.mkdir(parents=True, exist_ok=True)
        number = len(list(self._output_dir.iterdir()))
        output_dir = self._output_dir / f"terminal-{number}"
        output_dir.mkdir()
        return self._terminals.enter_context(
            ProcessStarter(cwd=self._directory, env=self.environment, output_dir=output_dir)
        )


def _listen(ports: dict[str, int]) -> dict[str, str]:
    """Settings that have the website listen where the reader looks for it."""
    return {"WEB_PORT": str(ports["8000"])} if "8000" in ports else {}
