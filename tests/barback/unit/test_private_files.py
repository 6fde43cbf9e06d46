"""Directories and files that only this user can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from barback.private_files import make_private_directory, make_private_file, open_private

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture(params=[0, 0o777], ids=oct, autouse=True)
def _umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_all_directories_that_are_missing_are_made_private(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "one" / "two")

    assert (mode(tmp_path / "one"), mode(tmp_path / "one" / "two")) == (0o700, 0o700)


def test_those_that_are_there_above_it_stay_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    make_private_directory(tmp_path / "one")

    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("shared_mode", [0o1777, 0o1755])
def test_a_directory_for_everybody_stays_one(shared_mode: int, tmp_path: Path) -> None:
    tmp_path.chmod(shared_mode)

    make_private_directory(tmp_path)

    assert mode(tmp_path) == shared_mode


def test_the_home_of_the_user_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))

    make_private_directory(tmp_path)

    assert mode(tmp_path) == 0o755


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")

    with pytest.raises(PermissionError, match="not a directory of this user"):
        make_private_directory(tmp_path / "link")


def test_files_are_private_whether_made_or_found(tmp_path: Path) -> None:
    made, found = tmp_path / "made", tmp_path / "found"
    found.write_text("kept")
    found.chmod(0o644)

    for path in (made, found):
        make_private_file(path)

    assert (mode(made), mode(found), found.read_text()) == (0o600, 0o600, "kept")


def test_what_is_no_file_but_a_device_or_a_pipe_stays_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)

    make_private_file(pipe)

    assert mode(pipe) == 0o666


def test_a_file_that_is_opened_to_be_written_anew_is_private(tmp_path: Path) -> None:
    with open_private(tmp_path / "file") as file:
        file.write("text")

    assert (mode(tmp_path / "file"), (tmp_path / "file").read_text()) == (0o600, "text")
