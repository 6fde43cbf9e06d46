"""Every environment variable of the bar, typed, read once.

A wrong value ends the process with exit code 2 and a message that names the variable. The
library in ``barback/`` has no part in this: it is told what it needs by its callers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from barback.connection.url import check_redis_url
from settings_checks import (
    check_database_url,
    check_encoding,
    check_host,
    check_mailbox,
    check_proxies,
    check_secret,
    check_smtp_url,
    check_timezone,
    check_web_url,
    optional,
)

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
        description="The Redis (7 or newer) or Valkey server. Unset: an embedded Valkey is "
        "started.",
        examples=[
            "redis://:password@host:6379/0",
            "rediss://host:6380/0",
            "redis+sentinel://host:26379,host2:26379/SERVICE/0",
            "redis+cluster://host:6379,host2:6379",
        ],
    )
    barback_data_dir: Path = Field(
        default=PROJECT_DIR / ".barback",
        description="The folder of what the bar keeps on this machine: the embedded Valkey's data, "
        "and the SQLite file and the e-mails for which there is no server. By default it is in the "
        "folder of the code, wherever a program is started.",
    )
    beer_seconds: float = Field(
        default=3.0,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long it takes to serve a beer, in seconds. The workers read it.",
    )
    coffee_seconds: float = Field(
        default=0.2,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long it takes to serve a coffee, in seconds. The workers read it.",
    )
    result_ttl_seconds: int = Field(
        default=3600,
        ge=1,
        le=30 * 86400,
        description="How long the result of an order is kept, in seconds: `producer.py --wait` "
        "reads it. `python -m barback show` and the board remember the order as long. The website "
        "shows orders from the database.",
    )

    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How all programs of the bar log: text, for people, or json, an object a line.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        default=None,
        description="The lowest level that is logged: DEBUG, INFO, WARNING or ERROR. Unset: INFO.",
    )
    bar_version: str | None = Field(
        default=None,
        description="The version that is deployed: the board's charts mark when it changed.",
        examples=["v1.4.0"],
    )

    database_url: str | None = Field(
        default=None,
        description="The database, for users, orders, sales and reports. Unset: the SQLite file "
        "bar.db in BARBACK_DATA_DIR.",
        examples=["postgresql://user:password@host:5432/bar"],
    )

    web_host: str = Field(
        default="127.0.0.1",
        description="The address on which the website listens; 0.0.0.0 is all. Off loopback, it "
        "wants WEB_SECRET, too, and on all addresses WEB_URL.",
    )
    web_port: int = Field(
        default=8000, ge=1, le=65535, description="The port on which the website listens."
    )
    web_url: str | None = Field(
        default=None,
        description="The website's address as people see it, which links in e-mails begin with; it "
        "answers under no other name. Unset: `http://WEB_HOST:WEB_PORT`. Off loopback, ordering "
        "and logging in need https://, from a proxy with TLS.",
        examples=["https://bar.example.org"],
    )
    web_secret: str = Field(
        default=DEFAULT_SECRET,
        description="Signs cookies and the links in e-mails: the same for the website and the "
        "workers. Random, of 16 characters or more. With a new one, links that were sent stop "
        "working.",
    )
    trusted_proxies: str = Field(
        default="",
        description="The reverse proxies whose X-Forwarded-For is believed, with commas in "
        "between. Without them, behind a proxy, all visitors count as one network.",
        examples=["10.0.0.2", "10.0.0.0/8,fd00::/8"],
    )
    sign_ups_per_minute: int = Field(
        default=10,
        ge=1,
        description="How many sign-ups, log-ins and new passwords one network may try in a minute, "
        "and how many log-ins all networks may try for one account.",
    )
    writes_per_minute: int = Field(
        default=60,
        ge=1,
        description="How many orders, reports and changes one network may ask for in a minute; "
        "more are answered with 429.",
    )
    total_writes_per_minute: int = Field(
        default=3_000,
        ge=1,
        description="How many orders, reports and changes all networks together may ask for in a "
        "minute.",
    )
    taps: int | None = Field(
        default=None,
        ge=1,
        description="How many beers may be poured at a time, by all workers together. Unset: as "
        "many as they have threads.",
    )
    max_queue_length: int = Field(
        default=1_000,
        ge=1,
        description="How many orders of a drink may wait; then the website answers 503, and "
        "standing orders skip a turn. `producer.py` may order more.",
    )
    max_standing_orders: int = Field(
        default=10_000, ge=1, description="How many standing orders all visitors may have together."
    )
    max_connections: int = Field(
        default=1_000,
        ge=10,
        le=100_000,
        description="How many connections the website keeps open at once; it turns away more. A "
        "live page takes one, and the system has to allow as many open files.",
    )
    smtp_url: str | None = Field(
        default=None,
        description="The mail server. Unset: e-mails are written to the folder mailbox in "
        "BARBACK_DATA_DIR.",
        examples=["smtp+starttls://user:password@host:587", "smtp://host:25"],
    )
    mail_from: str = Field(
        default="The Bar <bar@example.org>", description="The sender of the bar's e-mails."
    )
    report_day_seconds: float = Field(
        default=0.1,
        ge=0,
        le=MAX_SERVING_SECONDS,
        description="How long a report pauses at each day that it adds up, in seconds, so that "
        "there is some progress to watch.",
    )

    bar_timezone: str = Field(
        default="UTC",
        description="The bar's time zone, an IANA name: when its days begin, in reports and for "
        "the work by the clock. Standing orders have time zones of their own.",
        examples=["Europe/Lisbon"],
    )

    _check_encoding = field_validator("*", mode="before")(check_encoding)
    _check_redis_url = field_validator("redis_url")(optional(check_redis_url))
    _check_database_url = field_validator("database_url")(optional(check_database_url))
    _check_smtp_url = field_validator("smtp_url")(optional(check_smtp_url))
    _check_web_url = field_validator("web_url")(optional(check_web_url))
    _check_web_host = field_validator("web_host")(check_host)
    _check_web_secret = field_validator("web_secret")(check_secret)
    _check_proxies = field_validator("trusted_proxies")(check_proxies)
    _check_mail_from = field_validator("mail_from")(check_mailbox)
    _check_timezone = field_validator("bar_timezone")(check_timezone)

    @property
    def public_url(self) -> str:
        """The website's address as people see it: the links in e-mails begin with it."""
        if self.web_url is not None:
            return self.web_url
        host = f"[{self.web_host}]" if ":" in self.web_host else self.web_host
        return f"http://{host}:{self.web_port}"


def read_settings() -> Settings:
    """Read the environment. Raises: SystemExit, with a line for each wrong variable on stderr."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            click.echo(f"Error: {_explain(problem)}", err=True)
        raise SystemExit(2) from None


def _explain(problem: ErrorDetails) -> str:
    field = str(problem["loc"][0])
    reason = problem["msg"].removeprefix("Value error, ").rstrip(".")
    # Passwords have no place in a log, nor have those in a URL where none belongs.
    value = str(problem["input"])
    may_hold_one = field in _SECRETS or ("://" in value and "@" in value)
    given = "" if may_hold_one else f", got {problem['input']!r}"
    meaning = Settings.model_fields[field].description
    return f"the environment variable {field.upper()} is wrong: {reason}{given}. {meaning}"


settings = read_settings()
