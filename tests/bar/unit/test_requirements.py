"""The lock files pin what requirements*.txt ask for, and nothing says where it comes from."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tests.conftest import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCKS = {
    "requirements.txt": "requirements.lock",
    "requirements-dev.txt": "requirements-dev.lock",
    "requirements-compat.txt": "requirements-compat.lock",
}
OUTDATED = "{} does not pin what {} asks for; run: make lock"


def requirements(file_name: str) -> Iterator[Requirement]:
    for line in (PROJECT_DIR / file_name).read_text().splitlines():
        text = line.split("#")[0].strip()
        if text and not text.startswith("-r"):
            yield Requirement(text)


def pinned(lock_name: str) -> dict[str, str]:
    """The version of each package of a lock file."""
    lock = (PROJECT_DIR / lock_name).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))


def asked_for(lock_name: str, file_name: str) -> set[str]:
    """The packages of which a lock file notes that requirements*.txt name them."""
    lock = (PROJECT_DIR / lock_name).read_text()
    packages = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]
    note = re.compile(rf"^    #\s+(?:via )?-r {re.escape(file_name)}$", re.MULTILINE)
    return {package.split("==")[0] for package in packages if note.search(package)}


@pytest.mark.parametrize(("file_name", "lock_name"), LOCKS.items())
def test_the_lock_pins_what_is_required_and_no_more(file_name: str, lock_name: str) -> None:
    required = {requirement.name: requirement for requirement in requirements(file_name)}
    outdated = OUTDATED.format(lock_name, file_name)

    assert asked_for(lock_name, file_name) == required.keys(), outdated
    versions = pinned(lock_name)
    for name, requirement in required.items():
        assert requirement.specifier.contains(versions[name]), f"{name}: {outdated}"


def test_the_tests_run_on_the_versions_that_users_get() -> None:
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()


@pytest.mark.parametrize("lock_name", LOCKS.values())
def test_every_locked_package_has_hashes_and_no_address(lock_name: str) -> None:
    lock = (PROJECT_DIR / lock_name).read_text()
    assert "://" not in lock
    assert "-url" not in lock
    for package in re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in package, package


def test_the_library_wants_the_same_versions_as_the_bar() -> None:
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    bar = {requirement.name: requirement for requirement in requirements("requirements.txt")}
    for text in [*project["dependencies"], *(text for extra in extras for text in extra)]:
        wanted = Requirement(text)
        assert wanted.specifier == bar[wanted.name].specifier, wanted.name
