"""The JSON API under input made from its own description, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.website import start_website

if TYPE_CHECKING:
    from tests.processes import ProcessStarter

#: Enough to find what is wrong, few enough for every run of the tests.
EXAMPLES = 25


def test_no_input_breaks_the_api(start: ProcessStarter) -> None:
    website = start_website(start, SIGN_UPS_PER_MINUTE="100000", MAX_QUEUE_LENGTH="100000")
    schema = schemathesis.openapi.from_url(f"{website.url}/api/openapi.json")
    for operation in schema.get_all_operations():
        found = operation.ok()
        check_positive = given(case=found.as_strategy())
        check_negative = given(
            case=found.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        )
        for check in (check_positive, check_negative):
            _configured(check(_call_and_validate))()


def _call_and_validate(case: schemathesis.Case) -> None:
    case.call_and_validate()


_configured = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
