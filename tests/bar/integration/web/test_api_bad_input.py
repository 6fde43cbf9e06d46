"""The JSON API under input made from its own description, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.website import start_website

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter


@pytest.mark.slow
def test_no_input_breaks_the_api(start: ProcessStarter) -> None:
    # Given the website
    website = start_website(start, SIGN_UPS_PER_MINUTE="100000", MAX_QUEUE_LENGTH="100000")

    # When it is sent what its description allows, and what it does not
    schemathesis = start(
        [
            *["schemathesis", "run", f"{website.url}/api/openapi.json"],
            *["--header", f"Authorization: Bearer {website.log_in()}"],
            # It would log itself out.
            *["--exclude-path", "/api/sessions/this"],
            # A schema cannot say which addresses exist and which passwords are common.
            *["--exclude-checks", "positive_data_acceptance"],
            *["--max-examples", "20", "--generation-database", "none", "--no-color"],
        ]
    )
    exit_code = schemathesis.wait(110)

    # Expect no failure of the server, and every answer to be as described
    assert exit_code == 0, schemathesis.output
