"""docs/reference/completion.md: the Tab key, in a real Bash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT_DIR
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter

pytestmark = pytest.mark.slow

BLOCKS = {
    block.language: block.lines
    for block in read_blocks(PROJECT_DIR / "docs/reference/completion.md")
}

#: Types a command line into Bash, presses Tab, and prints what Bash would offer.
PRESS_TAB = """\
{set_up}
COMP_WORDS=({line})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
function_name=$(complete -p "${{COMP_WORDS[0]##*/}}" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
"$function_name" "${{COMP_WORDS[0]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def barback(tmp_path: Path) -> str:
    """A folder with the console script, as pip makes it."""
    script = tmp_path / "bin" / "barback"
    script.parent.mkdir()
    script.write_text("#!/usr/bin/env python\nfrom barback.__main__ import run\nrun()\n")
    script.chmod(0o700)
    return str(script.parent)


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("barback st", ["status"]),
        ("barback dead re", ["requeue"]),
        ("./producer.py --bee", ["--beers"]),
        ("./scheduler.py pau", ["pause"]),
        ("./scheduler.py add cof", ["coffee"]),
    ],
)
def test_tab_completes(
    line: str, offers: list[str], barback: str, start: ProcessStarter, tmp_path: Path
) -> None:
    program = line.split(maxsplit=1)[0]
    [set_up] = [setting for setting in BLOCKS["bash"] if setting.endswith(f' {program})"')]
    script = f'PATH="{barback}:$PATH"\n' + PRESS_TAB.format(set_up=set_up, line=line)

    run = start.run(
        ["bash", "-c", script],
        PYTHONPATH=str(PROJECT_DIR),
        REDIS_URL="",
        BARBACK_DATA_DIR=str(tmp_path / "data"),
    )

    assert (run.stdout.splitlines(), run.stderr) == (offers, "")
    # No server was started for it
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("shell", ["fish", "zsh"])
def test_other_shells_get_their_scripts(shell: str, start: ProcessStarter) -> None:
    lines = [line for line in BLOCKS[shell] if "producer" in line or "scheduler" in line]
    assert len(lines) == 2

    for line in lines:
        # As the shell would, up to the source that it reads
        command = line.removeprefix('eval "$(').removesuffix(')"').removesuffix(" | source")
        run = start.run(["bash", "-c", command])
        assert run.exit_code == 0, run.output
        assert command.split("/")[-1] in run.stdout


def test_the_documentation_has_every_program_in_every_shell() -> None:
    for lines in BLOCKS.values():
        for program in ("barback", "producer.py", "scheduler.py"):
            assert sum(program in line for line in lines) == 1
    assert BLOCKS.keys() == {"bash", "fish", "zsh"}


@pytest.mark.parametrize("program", ["producer.py", "scheduler.py"])
def test_programs_say_their_version(program: str, start: ProcessStarter) -> None:
    run = start.run(["python", program, "--version"])

    assert run.exit_code == 0, run.output
    assert run.stdout.startswith(f"{program}, version 0.")
