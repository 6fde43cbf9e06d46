"""Every environment variable of the bar, typed, read once.

A wrong value ends the process with exit code 2 and a message that names the variable. The
library in ``barback/`` has no part in this: it is told what it needs by its callers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from barback.cron import find_timezone
from barback.redis_url import check_redis_url

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PROJECT_DIR = Path(__file__).resolve().parent

#: The longest that a drink may take, in seconds. A worker thread is held for as long.
MAX_SERVING_SECONDS = 3600


#: Known to everybody who can read this file, and good enough on a machine of one's own.
DEFAULT_SECRET = "not-a-secret-set-WEB_SECRET"  # noqa: S105

#: Their values may hold passwords: they are not repeated in error messages.
_SECRETS = {"redis_url", "database_url", "smtp_url", "web_secret"}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    redis_url: str | None = Field(
        default=None,
        description="The Redis or Valkey server. Unset: an embedded Valkey is started.",
    )
    barback_data_dir: Path = Field(
        default=PROJECT_DIR / ".barback",
        description="Where the embedded Valkey keeps its data.",
    )
    beer_seconds: float = Field(
        default=3.0,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long it takes to serve a beer.",
    )
    coffee_seconds: float = Field(
        default=0.2,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long it takes to serve a coffee.",
    )
    result_ttl_seconds: int = Field(
        default=3600,
        ge=1,
        le=30 * 86400,
        description="How long the result of an order can be read.",
    )

    database_url: str | None = Field(
        default=None,
        pattern=r"^(sqlite:///|postgresql(\+psycopg)?://)",
        description="The database of the books. Unset: a SQLite file in BARBACK_DATA_DIR.",
    )

    web_host: str = Field(default="127.0.0.1", description="Where the website listens.")
    web_port: int = Field(default=8000, ge=1, le=65535, description="… and on which port.")
    web_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+$",
        description="The website's address as people see it, when it is another one.",
    )
    web_secret: str = Field(
        default=DEFAULT_SECRET,
        min_length=16,
        description="Signs cookies and links. The website and the workers share it.",
    )
    sign_ups_per_minute: int = Field(
        default=10, ge=1, description="How many sign-ups one network address may try."
    )
    max_queue_length: int = Field(
        default=1_000,
        ge=1,
        description="How many orders of a drink may wait before the website takes no more.",
    )
    smtp_url: str | None = Field(
        default=None,
        pattern=r"^(smtp|smtp\+starttls|smtps)://",
        description="The mail server. Unset: e-mails are written to a folder of BARBACK_DATA_DIR.",
    )
    mail_from: str = Field(
        default="The Bar <bar@example.org>", description="The sender of the bar's e-mails."
    )
    report_day_seconds: float = Field(
        default=0.1,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long the report takes over each day, besides the summing up.",
    )

    bar_timezone: str = Field(
        default="UTC",
        description="The bar's time zone, an IANA name: its days and its schedules are of it.",
    )

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_url(cls, url: str | None) -> str | None:
        if url is not None:
            check_redis_url(url)
        return url

    @field_validator("bar_timezone")
    @classmethod
    def _is_a_timezone(cls, name: str) -> str:
        return find_timezone(name).key

    @property
    def public_url(self) -> str:
        """The website's address as people see it: the links in e-mails begin with it."""
        return self.web_url or f"http://{self.web_host}:{self.web_port}"


def _read_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            click.echo(f"Error: {_explain(problem)}", err=True)
        raise SystemExit(2) from None


def _explain(problem: ErrorDetails) -> str:
    field = str(problem["loc"][0])
    reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
    # Passwords have no place in a log.
    given = "" if field in _SECRETS else f", got {problem['input']!r}"
    meaning = Settings.model_fields[field].description
    return f"the environment variable {field.upper()} is wrong: {reason}{given}. {meaning}"


settings = _read_settings()
