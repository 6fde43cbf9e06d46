from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from settings import PROJECT_DIR, Settings
from tests.conftest import program_environment

if TYPE_CHECKING:
    from pathlib import Path


def read_settings(**variables: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a new process, as every program of the bar does."""
    return subprocess.run(
        [sys.executable, "-c", "import settings"],
        cwd=PROJECT_DIR,
        env=program_environment(**variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_environment_variables_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEER_SECONDS")
    monkeypatch.delenv("COFFEE_SECONDS")

    settings = Settings()

    assert settings.redis_url is None
    assert settings.barback_data_dir == PROJECT_DIR / ".barback"
    assert (settings.beer_seconds, settings.coffee_seconds) == (3.0, 0.2)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    assert Settings().redis_url is None


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("BEER_SECONDS", "-1", "greater than or equal to 0, got '-1'"),
        ("BEER_SECONDS", "a while", "a valid number"),
        ("COFFEE_SECONDS", "nan", "got 'nan'"),
        ("COFFEE_SECONDS", "3601", "less than or equal to 3600"),
        ("RESULT_TTL_SECONDS", "0", "greater than or equal to 1"),
        ("REDIS_URL", "http://localhost", "should look like redis://"),
        ("REDIS_URL", "redis://localhost:port", "should look like redis://"),
    ],
)
def test_a_wrong_value_is_named_with_its_reason(variable: str, value: str, reason: str) -> None:
    run = read_settings(**{variable: value})

    assert run.returncode == 2
    assert run.stderr.startswith(f"Error: the environment variable {variable} is wrong: ")
    assert reason in run.stderr
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["http://bar:secret@localhost", "redis://bar:secret"])
def test_a_wrong_url_does_not_show_its_password(url: str) -> None:
    assert "secret" not in read_settings(REDIS_URL=url).stderr


def test_every_variable_has_a_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_variable_stands_in_the_readme_and_the_example(project_dir: Path) -> None:
    readme = (project_dir / "README.md").read_text()
    example = (project_dir / ".env.example").read_text()
    for name in map(str.upper, Settings.model_fields):
        assert f"`{name}`" in readme
        assert f"{name}=" in example
