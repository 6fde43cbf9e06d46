"""Whose tests are run, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Suite:
    """Tests of another project, from its source distribution.

    Parameters:
      package: The project's name on the package index. The version is the one that is installed.
      tests: Which tests, as pytest is told them.
      at_least: So many have to pass on stock Dramatiq, lest nothing is compared.
      plugins: Where the fixtures are that do not travel with the tests.
      options: Further options of pytest.
      differs: Tests that pass on stock alone, because we do otherwise on purpose, and why.
    """

    package: str
    tests: tuple[str, ...]
    at_least: int
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    differs: Mapping[str, str] = field(default_factory=dict)


_STOCK = "tests/test_redis.py::test_redis_"
_OWN_ACKS = "a worker's acknowledgements travel with its claims, not through `do_ack` and `do_nack`"

SUITES = (
    Suite(
        "dramatiq",
        (
            "tests/test_redis.py",
            # These were written for a StubBroker. Whatever of that passes on stock's Redis broker
            # has to pass on ours.
            "tests/test_actors.py",
            "tests/test_callbacks.py",
            "tests/test_composition.py",
            "tests/test_results.py",
            "tests/test_worker.py",
        ),
        at_least=105,
        plugins=("compat_dramatiq",),
        differs={
            f"{_STOCK}requeues_unhandled_delay_messages_on_shutdown": (
                "delayed messages wait in Redis; `python -m barback release` gives them to stock"
            ),
            f"{_STOCK}consumer_ack_can_retry_on_connection_error": _OWN_ACKS,
            f"{_STOCK}consumer_nack_can_retry_on_connection_error": _OWN_ACKS,
        },
    ),
    Suite("dramatiq-abort", ("tests",), at_least=25, plugins=("compat_dramatiq", "compat_abort")),
    Suite(
        "django-dramatiq",
        ("tests",),
        at_least=11,
        plugins=("compat_django",),
        options=(
            "--ds=compat_django_settings",
            # It wants sites to discover actors in, which do not travel with it, and no broker.
            "--ignore=tests/test_rundramatiq_command.py",
        ),
    ),
    Suite("sentry-sdk", ("tests/integrations/dramatiq",), at_least=25),
)
