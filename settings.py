"""Every environment variable of the bar, typed, read once.

A wrong value ends the process with exit code 2 and a message that names the variable. The
library in ``barback/`` has no part in this: it is told what it needs by its callers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent

#: The longest that a drink may take, in seconds. A worker thread is held for as long.
MAX_SERVING_SECONDS = 3600


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    redis_url: str | None = Field(
        default=None,
        pattern=r"^(redis|rediss|unix)://",
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


def _read_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            print(
                f"error: the environment variable {name} is wrong: "
                f"{problem['msg']}, got {problem['input']!r}.",
                file=sys.stderr,
            )
        raise SystemExit(2) from None


settings = _read_settings()
