"""Wrong usage of ``scheduler.py``. Nothing of this gets as far as the database or the broker."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import scheduler


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "tea", "0 8 * * *"], "'tea' is not one of 'beer', 'coffee'"),
        (["add", "beer", "0 25 * * *"], "the field hour is '25', expected numbers from 0 to 23"),
        (["add", "beer", "0", "8", "*", "*", "*"], "Put quotes around what has spaces"),
        (["add", "beer", "--at", "2027-01-01", "09:00"], "Put quotes around what has spaces"),
        (["add", "beer", "--every", "soon"], "expected a time such as 45s, 90m"),
        (["add", "beer", "--at", "2020-01-01 09:00"], "is in the past"),
        (["add", "beer", "0 8 * * *", "--every", "5m"], "Say when, in one way"),
        (["add", "beer", "--every", "5m", "--timezone", "Mars"], "no time zone is called 'Mars'"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(scheduler.main, arguments)
    assert result.exit_code == 2
    assert message in result.stderr
