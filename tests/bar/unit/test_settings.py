from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from settings import PROJECT_DIR, Settings, read_settings
from tests.conftest import program_environment

if TYPE_CHECKING:
    from pathlib import Path


def complaints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> str:
    """What a program says of a wrong variable before it ends."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as end:
        read_settings()
    assert end.value.code == 2
    return capsys.readouterr().err


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
        ("REDIS_URL", "redis://localhost?bogus=1", "its option bogus"),
        ("DATABASE_URL", "mysql://localhost/bar", "should look like sqlite:///"),
        ("DATABASE_URL", "postgresql://bar@localhost:port/bar", "should look like sqlite:///"),
        ("DATABASE_URL", "postgresql://bar:se@cret@localhost/bar", "an @ as %40"),
        ("DATABASE_URL", "sqlite://", "programs share a file, not memory"),
        ("DATABASE_URL", "sqlite:///:memory:", "programs share a file, not memory"),
        ("DATABASE_URL", "sqlite:///bar.db?timeout=abc", "a file of SQLite has no options here"),
        ("DATABASE_URL", "sqlite:////x/q?y.db", "a file of SQLite has no options here"),
        ("DATABASE_URL", "postgresql://bar@localhost:99999/bar", "no such port"),
        ("DATABASE_URL", "postgresql://localhost/bar?bogus=1", "have no option 'bogus'"),
        (
            "DATABASE_URL",
            "postgresql://localhost/bar?conninfo=host%3Dh",
            "conninfo cannot be",
        ),
        ("DATABASE_URL", "sqlite:///a%00b.db", "a character of code 0"),
        ("SMTP_URL", "smtp://bar:p%C3%A4ss@localhost", "have to be of ASCII characters"),
        ("SMTP_URL", "smtp://localhost:port", "should look like smtp://host:25"),
        ("SMTP_URL", "smtp://localhost:0", "should look like smtp://host:25"),
        ("SMTP_URL", "smtp://", "should look like smtp://host:25"),
        ("WEB_URL", "bar.example.org", "should look like https://"),
        ("WEB_URL", "https://bar.example.org/shop", "without a path"),
        ("WEB_HOST", "no host", "should name a host"),
        ("WEB_HOST", "no..host", "should name a host"),
        ("WEB_URL", "https://no..host", "should look like https://"),
        ("SMTP_URL", "smtp://no..host", "should look like smtp://host:25"),
        ("REDIS_URL", "redis://no..host", "should look like redis://"),
        ("DATABASE_URL", f"postgresql://{'a' * 64}/bar", "should look like sqlite:///"),
        ("WEB_PORT", "0", "greater than or equal to 1"),
        ("WEB_SECRET", "a" * 40, "drawn at random"),
        ("WEB_SECRET", "short", "drawn at random"),
        ("TRUSTED_PROXIES", "*", "should look like 10.0.0.2"),
        ("MAIL_FROM", "The Bar", "@-sign"),
        ("MAIL_FROM", "=?utf-8?q?eve=40x=2Eorg=2C?=@example.org", "=?"),
        ("BAR_TIMEZONE", "posix/Europe/Lisbon", "no time zone is called"),
        ("BAR_VERSION", "caf\udce9", "not in UTF-8"),
        ("BARBACK_DATA_DIR", "/var/lib/caf\udce9", "not in UTF-8"),
        ("WEB_SECRET", "caf\udce9caf\udce90123456789abcdef", "not in UTF-8"),
    ],
)
def test_a_wrong_value_is_named_with_its_reason(
    variable: str,
    value: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = complaints(monkeypatch, capsys, variable, value)

    assert said.startswith(f"Error: the environment variable {variable} is wrong: ")
    assert reason in said
    assert len(said.splitlines()) == 1


def test_a_program_with_a_wrong_value_ends_before_it_does_anything() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import settings"],
        cwd=PROJECT_DIR,
        env=program_environment(BEER_SECONDS="-1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 2
    assert run.stderr.startswith("Error: the environment variable BEER_SECONDS is wrong: ")
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_URL", "http://bar:s3cr3t@localhost"),
        ("REDIS_URL", "redis://bar:s3cr3t"),
        ("DATABASE_URL", "postgresql://bar:s3cr3t@localhost:port/bar"),
        ("DATABASE_URL", "mysql://bar:s3cr3t@localhost/bar"),
        ("DATABASE_URL", "postgresql://bar:pass@s3cr3t@localhost/bar"),
        ("DATABASE_URL", "postgresql://bar:p@ss/word?s3cr3t=1@localhost/bar"),
        ("SMTP_URL", "smtp://bar:s3cr3t@localhost:port"),
        ("WEB_SECRET", "s3cr3ts3cr3ts3cr3ts3cr3t"),
        ("WEB_URL", "https://bar:s3cr3t@bar.example.org"),
        ("MAX_QUEUE_LENGTH", "redis://bar:s3cr3t@localhost"),
    ],
)
def test_a_wrong_value_does_not_show_the_secret_in_it(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "s3cr3t" not in complaints(monkeypatch, capsys, variable, value)


def test_addresses_are_kept_in_the_form_that_programs_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_URL", "https://Bücher.example/")
    assert Settings().public_url == "https://xn--bcher-kva.example"
    # as browsers' Host headers are compared: with or without the dot that ends a full name
    monkeypatch.setenv("WEB_URL", "https://bar.example.org.:8443")
    assert Settings().public_url == "https://bar.example.org:8443"
    monkeypatch.setenv("WEB_URL", "")
    monkeypatch.setenv("WEB_HOST", "[::1]")
    assert Settings().public_url == "http://[::1]:8000"
    monkeypatch.setenv("DATABASE_URL", "postgres://bar@db/bar")
    assert Settings().database_url == "postgresql://bar@db/bar"


def test_a_database_may_have_options_that_postgresql_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://bar@/bar?host=/run/postgresql&sslmode=verify-full&connect_timeout=3"
    monkeypatch.setenv("DATABASE_URL", url)
    assert Settings().database_url == url


def test_every_variable_has_a_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_variable_stands_in_the_example(project_dir: Path) -> None:
    example = (project_dir / ".env.example").read_text()
    for name in map(str.upper, Settings.model_fields):
        assert f"{name}=" in example
