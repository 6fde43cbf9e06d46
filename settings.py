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

from barback.redis_url import check_redis_url

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PROJECT_DIR = Path(__file__).resolve().parent

#: The longest that a drink may take, in seconds. A worker thread is held for as long.
MAX_SERVING_SECONDS = 3600


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

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_url(cls, url: str | None) -> str | None:
        if url is not None:
            check_redis_url(url)
        return url


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
    # A URL may hold a password, which has no place in a log.
    given = "" if field == "redis_url" else f", got {problem['input']!r}"
    meaning = Settings.model_fields[field].description
    return f"the environment variable {field.upper()} is wrong: {reason}{given}. {meaning}"


settings = _read_settings()
