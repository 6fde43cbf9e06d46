"""deploy/systemd: units that systemd accepts, and that run what the containers run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bar.e2e.test_compose import SERVICES
from tests.conftest import PROJECT_DIR
from tests.support.programs import require_program

DIRECTORY = PROJECT_DIR / "deploy/systemd"
UNITS = sorted(path for path in DIRECTORY.glob("bar*") if path.is_file())
#: What is different for single workers.
DROP_INS = sorted(DIRECTORY.glob("bar-worker@*.service.d/*.conf"))
PROGRAMS = "/opt/bar/.venv/bin"


def command_of(unit: Path, queue: str) -> list[str]:
    """What a unit runs, without the path of the program."""
    lines = unit.read_text().splitlines()
    [command] = [line for line in lines if line.startswith("ExecStart=/")]
    program, *arguments = shlex.split(command.removeprefix("ExecStart=").replace("%i", queue))
    assert program.startswith(f"{PROGRAMS}/")
    return [Path(program).name, *arguments]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    # Given the units, with the programs of this machine
    verify = require_program("systemd-analyze", install="apt-get install systemd")
    programs = Path(sys.executable).parent
    for each in UNITS:
        here = each.read_text().replace(PROGRAMS, str(programs))
        (tmp_path / each.name).write_text(here)

    # Expect systemd to find nothing wrong with them
    name = unit.name.replace("@", "@beer")
    if name != unit.name:
        (tmp_path / name).write_text((tmp_path / unit.name).read_text())
    command = [verify, "verify", "--man=no", str(tmp_path / name)]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_units_run_what_the_containers_run() -> None:
    commands = {
        unit.stem.replace("@", "-beer").removeprefix("bar-"): command_of(unit, "beer")
        for unit in UNITS
        if unit.suffix == ".service"
    }
    contained = {name: SERVICES[name]["command"] for name in commands}
    *contained["board"], host, everywhere = contained["board"]  # here it is on loopback
    assert (host, everywhere) == ("--host", "0.0.0.0")  # noqa: S104 - not bound here
    assert commands == contained


def test_a_worker_with_other_options_runs_what_its_container_runs(tmp_path: Path) -> None:
    assert len(DROP_INS) == 3
    verify = require_program("systemd-analyze", install="apt-get install systemd")
    programs = Path(sys.executable).parent
    for path in [*UNITS, *DROP_INS]:
        here = tmp_path / path.relative_to(DIRECTORY)
        here.parent.mkdir(exist_ok=True)
        here.write_text(path.read_text().replace(PROGRAMS, str(programs)))
    for drop_in in DROP_INS:
        name = drop_in.parent.name.removesuffix(".d")
        queue = name.removeprefix("bar-worker@").removesuffix(".service")
        assert command_of(drop_in, queue) == SERVICES[f"worker-{queue}"]["command"]
        (tmp_path / name).write_text((tmp_path / "bar-worker@.service").read_text())
        command = [verify, "verify", "--man=no", str(tmp_path / name)]
        verified = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (verified.returncode, verified.stderr) == (0, "")


def test_there_is_a_unit_for_each_program_of_the_bar_and_the_readme_enables_it() -> None:
    readme = (DIRECTORY / "README.md").read_text()
    enabled = {word.removeprefix("bar-").replace("@", "-") for word in readme.split()}
    servers_and_tools = {"redis", "postgres", "mailpit", "prometheus", "grafana", "producer"}
    programs = {
        name
        for name, service in SERVICES.items()
        if name not in servers_and_tools and "ha" not in service.get("profiles", [])
    }
    assert programs <= enabled


def test_a_database_that_comes_up_late_stops_nothing_for_good() -> None:
    """What a failed unit is required by is not started again, whatever its Restart says."""
    for unit in UNITS:
        lines = unit.read_text().splitlines()
        assert not any(line.startswith(("Requires=", "Requisite=", "BindsTo=")) for line in lines)
        assert unit.suffix != ".service" or {"Restart=always", "Restart=on-failure"} & {*lines}


def test_a_worker_has_time_to_finish() -> None:
    unit = PROJECT_DIR / "deploy/systemd/bar-worker@.service"
    command = command_of(unit, "beer")
    timeout_ms = int(command[command.index("--worker-shutdown-timeout") + 1])
    [stop] = [line for line in unit.read_text().splitlines() if line.startswith("TimeoutStopSec=")]
    assert int(stop.removeprefix("TimeoutStopSec=")) * 1000 > timeout_ms
