"""The broker of the bar: where it is, and what every message passes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import dramatiq.broker
from dramatiq.middleware import CurrentMessage
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from actors.failures import RecordFailures
from actors.outages import OutlastOutages
from barback import RedisBroker
from barback.connection.remedies import explained
from barback.control import Control
from barback.embedded import EmbeddedServer, EmbeddedServerError
from barback.errors import BrokerUnavailable, UnsuitableServer
from barback.exits import EXIT_BROKER, end_process
from barback.logs import format_logs
from barback.metrics import Metrics
from barback.periodic import Periodic, take_over_periodiq
from settings import settings

if TYPE_CHECKING:
    from dramatiq.results import ResultBackend


def use_broker() -> None:
    """Make the bar's broker the global one, unless a test has set its own already."""
    # `dramatiq` and `periodiq` have set up their logs before they import the actors.
    format_logs(as_json=settings.log_format == "json", level=settings.log_level)
    if dramatiq.broker.global_broker is None:
        dramatiq.set_broker(make_broker())
        take_over_periodiq()


def make_broker(**connection: Any) -> RedisBroker:
    """A broker of the bar, with connection parameters that differ from the usual ones."""
    try:
        broker = RedisBroker(url=_find_server(), version=settings.bar_version, **connection)
    except (BrokerUnavailable, UnsuitableServer) as error:  # no cluster says where keys are
        end_process(f"{explained(error)}.", EXIT_BROKER)
    add_middleware(broker, result_backend=RedisBackend(client=broker.client))
    return broker


def add_middleware(broker: dramatiq.Broker, *, result_backend: ResultBackend) -> None:
    """Add what the actors rely on, besides Dramatiq's default middleware."""
    broker.add_middleware(CurrentMessage())
    broker.add_middleware(Periodic())
    broker.add_middleware(OutlastOutages())
    broker.add_middleware(RecordFailures())
    # As long as there is a result, `python -m barback show` and the board tell whose it is.
    broker.add_middleware(Control(remember_seconds=settings.result_ttl_seconds))
    broker.add_middleware(
        Results(backend=result_backend, result_ttl=settings.result_ttl_seconds * 1000)
    )
    broker.add_middleware(Metrics())  # the last, so that it times the actors alone


def _find_server() -> str:
    if settings.redis_url is not None:
        return settings.redis_url
    try:
        return EmbeddedServer(settings.barback_data_dir).ensure()
    except EmbeddedServerError as error:
        end_process(str(error), EXIT_BROKER)
